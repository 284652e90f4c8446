// Does to a journal what no odwd does, for bad_input_test.py. The daemon must not be running.
//   journal_damage JOURNAL schema N         makes N its schema
//   journal_damage JOURNAL garble RUN SEQ   puts a record that does not parse in place of that event
//   journal_damage JOURNAL flush            moves everything from the log into table files
#include <rocksdb/db.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "daemon/journal/keys.h"

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

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[2] : "";
  if (what == "schema" && argc == 4) {
    Journal(argv[1]).Put("meta", "schema", argv[3]);
  } else if (what == "garble" && argc == 5) {
    Journal(argv[1]).Put("events", odw::journal::EventKey(argv[3], strtoull(argv[4], nullptr, 10)), "\xff\xff\xff");
  } else if (what == "flush" && argc == 3) {
    Journal(argv[1]).Flush();
  } else {
    fprintf(stderr, "usage: journal_damage JOURNAL schema N | garble RUN SEQ | flush\n");
    return 2;
  }
  return 0;
}
