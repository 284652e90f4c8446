// Does to a journal what no odwd does, for bad_input_test.py and tests/replay_corpus. The daemon must not be running.
//   journal_damage JOURNAL schema N         makes N its schema
//   journal_damage JOURNAL garble RUN SEQ   puts a record that does not parse in place of that event
//   journal_damage JOURNAL flush            moves everything from the log into table files
//   journal_damage JOURNAL prelude RUN NAME the run was begun with that version of the prelude
//   journal_damage JOURNAL source RUN FILE  the run's script was that file's text
#include <rocksdb/db.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "daemon/journal/keys.h"
#include "odw/v1/journal.pb.h"

namespace {

class Journal {
 public:
  explicit Journal(const std::string& folder) {
    std::vector<std::string> names;
    Check(rocksdb::DB::ListColumnFamilies({}, folder, &names));
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names) families.emplace_back(name, rocksdb::ColumnFamilyOptions());
    rocksdb::DB* db = nullptr;
    Check(rocksdb::DB::Open({}, folder, families, &handles_, &db));
    db_.reset(db);
  }
  ~Journal() {
    for (rocksdb::ColumnFamilyHandle* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
  }

  void Put(const std::string& family, const std::string& key, const std::string& value) {
    rocksdb::WriteOptions options;
    options.sync = true;
    for (rocksdb::ColumnFamilyHandle* handle : handles_) {
      if (handle->GetName() == family) return Check(db_->Put(options, handle, key, value));
    }
    Check(rocksdb::Status::NotFound("no family " + family));
  }
  std::string Get(const std::string& family, const std::string& key) {
    std::string value;
    for (rocksdb::ColumnFamilyHandle* handle : handles_) {
      if (handle->GetName() == family) Check(db_->Get({}, handle, key, &value));
    }
    return value;
  }
  void Flush() { Check(db_->Flush({}, handles_)); }

 private:
  static void Check(const rocksdb::Status& status) {
    if (status.ok()) return;
    fprintf(stderr, "journal_damage: %s\n", status.ToString().c_str());
    exit(1);
  }
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

// Rewrites the first event of a run: its header.
void EditHeader(const char* journal, const char* run, const std::function<void(odw::v1::RunSubmitted*)>& edit) {
  Journal opened(journal);
  const std::string key = odw::journal::EventKey(run, 1);
  odw::v1::Event event;
  if (!event.ParseFromString(opened.Get("events", key)) || !event.has_submitted()) {
    fprintf(stderr, "journal_damage: %s has no header\n", run);
    exit(1);
  }
  edit(event.mutable_submitted());
  opened.Put("events", key, event.SerializeAsString());
}

std::string TextOf(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[2] : "";
  if (what == "schema" && argc == 4) {
    Journal(argv[1]).Put("meta", "schema", argv[3]);
  } else if (what == "garble" && argc == 5) {
    Journal(argv[1]).Put("events", odw::journal::EventKey(argv[3], strtoull(argv[4], nullptr, 10)), "\xff\xff\xff");
  } else if (what == "flush" && argc == 3) {
    Journal(argv[1]).Flush();
  } else if (what == "prelude" && argc == 5) {
    EditHeader(argv[1], argv[3], [&](auto* header) { header->mutable_versions()->set_prelude(argv[4]); });
  } else if (what == "source" && argc == 5) {
    EditHeader(argv[1], argv[3], [&](auto* header) { header->mutable_source()->set_inline_(TextOf(argv[4])); });
  } else {
    fprintf(stderr, "usage: journal_damage JOURNAL schema N | garble RUN SEQ | flush | prelude RUN NAME | source RUN FILE\n");
    return 2;
  }
  return 0;
}
