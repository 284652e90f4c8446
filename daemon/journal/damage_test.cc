// FORMAT.md's promises about damage: one test for each kind.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "daemon/base/fd.h"
#include "daemon/base/ids.h"
#include "daemon/base/subprocess.h"
#include "daemon/journal/keys.h"
#include "daemon/journal/rocks_journal.h"

namespace odw::journal {
namespace {

namespace fs = std::filesystem;

class Damage : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("odw_damage_" + RandomHex(6));
    Open();
  }
  void TearDown() override {
    journal_.reset();
    fs::remove_all(folder_);
  }

  void Open() {
    auto journal = RocksJournal::Open(folder_);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
  }
  absl::Status OpenFails() {
    journal_.reset();
    auto journal = RocksJournal::Open(folder_);
    EXPECT_FALSE(journal.ok());
    return journal.status();
  }

  static Group Events(const std::string& run_id, uint64_t first, uint64_t count,
                      size_t bytes = 200) {
    Group group;
    for (uint64_t seq = first; seq < first + count; ++seq) {
      v1::Event event;
      event.mutable_line()->set_text(RandomHex(bytes / 2));
      group.events.push_back({.run_id = run_id, .seq = seq, .bytes = event.SerializeAsString()});
    }
    v1::RunSummary& summary = group.summaries.emplace_back();
    summary.set_run_id(run_id);
    summary.set_state(v1::RUNNING);
    summary.set_last_event(first + count - 1);
    return group;
  }

  absl::Status ReadAll(const std::string& run_id, uint64_t* count) {
    *count = 0;
    return journal_->ReadEvents(run_id, 0, [&](uint64_t, const v1::Event&) {
      ++*count;
      return true;
    });
  }

  // The newest file of this ending.
  fs::path Newest(const std::string& ending) {
    fs::path newest;
    for (const auto& entry : fs::directory_iterator(folder_)) {
      if (entry.path().extension() == ending && entry.file_size() > 0 && entry.path() > newest) {
        newest = entry.path();
      }
    }
    return newest;
  }

  static void Flip(const fs::path& file, std::streamoff at) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(at);
    const char byte = static_cast<char>(stream.get());
    stream.seekp(at);
    stream.put(static_cast<char>(byte ^ 0x40));
  }

  // Has damage_child write to the journal; what it prints, and how it ended (Subprocess::Wait).
  struct ChildEnd {
    std::string output;
    int status = 0;
  };
  ChildEnd InChild(const std::string& how, const std::string& number) {
    journal_.reset();
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd read_end(ends[0]);
    UniqueFd write_end(ends[1]);
    auto child =
        StartSubprocess({.argv = {OwnBinaryFolder() + "/damage_child", folder_, how, number},
                         .fds = {{write_end.get(), 1}}});
    EXPECT_TRUE(child.ok()) << child.status();
    if (!child.ok()) return {};
    write_end.Reset();
    ChildEnd end;
    char buffer[64];
    for (ssize_t got; (got = read(read_end.get(), buffer, sizeof buffer)) > 0;) {
      end.output.append(buffer, static_cast<size_t>(got));
    }
    end.status = *child->Wait();
    return end;
  }
  void WriteFiftyGroupsAndDie() { ASSERT_EQ(InChild("killed", "50").status, -SIGKILL); }

  std::string folder_;
  std::unique_ptr<RocksJournal> journal_;
};

TEST_F(Damage, WhatWasAcknowledgedSurvivesKillNine) {
  WriteFiftyGroupsAndDie();
  Open();
  uint64_t count = 0;
  EXPECT_TRUE(ReadAll("wf_aaaaaa", &count).ok());
  EXPECT_EQ(count, 150u);
  EXPECT_EQ(journal_->recovery_note(), "");
  EXPECT_EQ(journal_->ReadSummary("wf_aaaaaa")->last_event(), 150u);
}

TEST_F(Damage, ATornLogTailLosesOnlyTheLastGroupAsAWhole) {
  WriteFiftyGroupsAndDie();
  const fs::path log = Newest(".log");
  // The file may have room behind its last record: cut into the record itself.
  std::ifstream stream(log, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  fs::resize_file(log, bytes.find_last_not_of('\0') - 20);
  Open();
  uint64_t count = 0;
  EXPECT_TRUE(ReadAll("wf_aaaaaa", &count).ok());
  EXPECT_EQ(count, 147u);
  EXPECT_EQ(journal_->ReadSummary("wf_aaaaaa")->last_event(), 147u);
  EXPECT_TRUE(journal_->Append(Events("wf_aaaaaa", 148, 3)).ok());
}

TEST_F(Damage, AFlippedByteInTheLogCutsItThereAndSaysSo) {
  WriteFiftyGroupsAndDie();
  const fs::path log = Newest(".log");
  std::ifstream stream(log, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  Flip(log, static_cast<std::streamoff>(bytes.find_last_not_of('\0') / 2));
  Open();
  EXPECT_NE(journal_->recovery_note(), "");
  uint64_t count = 0;
  EXPECT_TRUE(ReadAll("wf_aaaaaa", &count).ok());
  EXPECT_GT(count, 30u);
  EXPECT_LT(count, 120u);
  EXPECT_EQ(count % 3, 0u) << "groups are whole";
  EXPECT_EQ(journal_->ReadSummary("wf_aaaaaa")->last_event(), count);
}

TEST_F(Damage, AFlippedByteInATableEndsThatRunAndLeavesTheOthers) {
  ASSERT_TRUE(journal_->Append(Events("wf_aaaaaa", 1, 400, 2000)).ok());
  ASSERT_TRUE(journal_->Append(Events("wf_zzzzzz", 1, 400, 2000)).ok());
  ASSERT_TRUE(journal_->Flush().ok());
  journal_.reset();
  fs::path largest;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path().extension() == ".sst" &&
        (largest.empty() || entry.file_size() > fs::file_size(largest))) {
      largest = entry.path();
    }
  }
  // A quarter in: among the first run's records.
  Flip(largest, static_cast<std::streamoff>(fs::file_size(largest) / 4));
  Open();
  uint64_t count = 0;
  const absl::Status status = ReadAll("wf_aaaaaa", &count);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(MessageOf(status).find("record " + std::to_string(count + 1) + " of run wf_aaaaaa"),
            std::string::npos)
      << status;
  EXPECT_GT(count, 100u);
  EXPECT_TRUE(ReadAll("wf_zzzzzz", &count).ok());
  EXPECT_EQ(count, 400u);
  EXPECT_TRUE(journal_->Append(Events("wf_zzzzzz", 401, 1)).ok());
}

TEST_F(Damage, ARunBesideADamagedBlockIsReadWhole) {
  // In the order of their keys; the damage is everywhere in the table that holds the first and the last.
  ASSERT_TRUE(journal_->Append(Events("wf_aaaaaa", 1, 100, 2000)).ok());
  ASSERT_TRUE(journal_->Append(Events("wf_zzzzzz", 1, 100, 2000)).ok());
  ASSERT_TRUE(journal_->Flush().ok());
  journal_.reset();
  fs::path largest;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path().extension() == ".sst" &&
        (largest.empty() || entry.file_size() > fs::file_size(largest))) {
      largest = entry.path();
    }
  }
  for (size_t at = 0; at < fs::file_size(largest) * 9 / 10; at += 1000) {
    Flip(largest, static_cast<std::streamoff>(at));
  }
  Open();
  ASSERT_TRUE(journal_->Append(Events("wf_mmmmmm", 1, 30, 2000)).ok());
  uint64_t count = 0;
  EXPECT_EQ(ReadAll("wf_aaaaaa", &count).code(), absl::StatusCode::kDataLoss);
  const absl::Status read = ReadAll("wf_mmmmmm", &count);
  EXPECT_TRUE(read.ok()) << read;
  EXPECT_EQ(count, 30u);
}

TEST_F(Damage, ADamagedTableDoesNotStopTheJournalWhenTablesAreMerged) {
  ASSERT_TRUE(journal_->Append(Events("wf_aaaaaa", 1, 400, 2000)).ok());
  ASSERT_TRUE(journal_->Flush().ok());
  journal_.reset();
  fs::path largest;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path().extension() == ".sst" &&
        (largest.empty() || entry.file_size() > fs::file_size(largest))) {
      largest = entry.path();
    }
  }
  Flip(largest, static_cast<std::streamoff>(fs::file_size(largest) / 4));
  Open();
  for (int i = 0; i < 12; ++i) {  // RocksDB merges by itself from four tables on
    const uint64_t step = static_cast<uint64_t>(i) * 10 + 1;
    ASSERT_TRUE(journal_->Append(Events("wf_aaaaaa", 400 + step, 10)).ok());
    ASSERT_TRUE(journal_->Append(Events("wf_bbbbbb", step, 10)).ok());
    ASSERT_TRUE(journal_->Flush().ok());
  }
  EXPECT_EQ(journal_->Compact().code(), absl::StatusCode::kDataLoss);
  const absl::Status written = journal_->Append(Events("wf_bbbbbb", 121, 1));
  EXPECT_TRUE(written.ok()) << written;
  uint64_t count = 0;
  EXPECT_TRUE(ReadAll("wf_bbbbbb", &count).ok());
  EXPECT_EQ(count, 121u);
}

// Opens the database under the journal's nose, to do what no odwd does.
class Raw {
 public:
  explicit Raw(const std::string& folder) {
    std::vector<std::string> names;
    EXPECT_TRUE(rocksdb::DB::ListColumnFamilies({}, folder, &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names)
      families.emplace_back(name, rocksdb::ColumnFamilyOptions());
    rocksdb::DB* db = nullptr;
    const rocksdb::Status status = rocksdb::DB::Open({}, folder, families, &handles_, &db);
    EXPECT_TRUE(status.ok()) << status.ToString();
    db_.reset(db);
  }
  ~Raw() {
    for (auto* handle : handles_) db_->DestroyColumnFamilyHandle(handle);
  }
  rocksdb::DB* operator->() { return db_.get(); }
  rocksdb::ColumnFamilyHandle* operator[](const std::string& name) {
    for (auto* handle : handles_) {
      if (handle->GetName() == name) return handle;
    }
    return nullptr;
  }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

TEST_F(Damage, ARecordThatDoesNotParseNamesRunAndNumber) {
  ASSERT_TRUE(journal_->Append(Events("wf_aaaaaa", 1, 5)).ok());
  ASSERT_TRUE(journal_->Append(Events("wf_bbbbbb", 1, 5)).ok());
  journal_.reset();
  {
    Raw raw(folder_);
    ASSERT_TRUE(raw->Put({}, raw["events"], EventKey("wf_aaaaaa", 3), "\xff\xff\xff").ok());
    ASSERT_TRUE(raw->Put({}, raw["runs"], "wf_bbbbbb", "\xff\xff").ok());
  }
  Open();
  uint64_t count = 0;
  const absl::Status status = ReadAll("wf_aaaaaa", &count);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(MessageOf(status).find("record 3 of run wf_aaaaaa"), std::string::npos) << status;
  EXPECT_EQ(count, 2u);
  EXPECT_EQ(journal_->ReadSummary("wf_bbbbbb").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(ReadAll("wf_bbbbbb", &count).ok());
  EXPECT_EQ(journal_->List({})->size(), 1u) << "the readable run is listed";
}

TEST_F(Damage, AMissingRecordIsNamed) {
  ASSERT_TRUE(journal_->Append(Events("wf_aaaaaa", 1, 5)).ok());
  journal_.reset();
  {
    Raw raw(folder_);
    ASSERT_TRUE(raw->Delete({}, raw["events"], EventKey("wf_aaaaaa", 4)).ok());
  }
  Open();
  uint64_t count = 0;
  const absl::Status status = ReadAll("wf_aaaaaa", &count);
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(MessageOf(status).find("record 4 of run wf_aaaaaa"), std::string::npos) << status;
}

TEST_F(Damage, ANewerSchemaIsRefusedByNumber) {
  journal_.reset();
  {
    Raw raw(folder_);
    ASSERT_TRUE(raw->Put({}, raw["meta"], kSchemaKey, "7").ok());
  }
  const absl::Status status = OpenFails();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(MessageOf(status).find("schema 7"), std::string::npos) << status;
}

TEST_F(Damage, ALostColumnFamilyIsNamed) {
  journal_.reset();
  {
    Raw raw(folder_);
    ASSERT_TRUE(raw->DropColumnFamily(raw["events"]).ok());
  }
  const absl::Status status = OpenFails();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_NE(MessageOf(status).find("'events'"), std::string::npos) << status;
}

TEST_F(Damage, AMakingThatWasCutShortIsFinished) {
  journal_.reset();
  {
    Raw raw(folder_);
    ASSERT_TRUE(raw->Delete({}, raw["meta"], kSchemaKey).ok());
    ASSERT_TRUE(raw->DropColumnFamily(raw["index"]).ok());
  }
  Open();
  EXPECT_TRUE(journal_->Append(Events("wf_aaaaaa", 1, 1)).ok());
}

TEST_F(Damage, ALostTableFileIsAClearError) {
  ASSERT_TRUE(journal_->Append(Events("wf_aaaaaa", 1, 100)).ok());
  ASSERT_TRUE(journal_->Flush().ok());
  journal_.reset();
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.path().extension() == ".sst") fs::remove(entry.path());
  }
  auto journal = RocksJournal::Open(folder_);
  if (!journal.ok()) {
    EXPECT_NE(MessageOf(journal.status()).find("Restore the folder from a backup"),
              std::string::npos)
        << journal.status();
    return;
  }
  journal_ = *std::move(journal);
  uint64_t count = 0;
  EXPECT_FALSE(ReadAll("wf_aaaaaa", &count).ok());
}

TEST_F(Damage, AFolderInUseIsRefused) {
  const auto second = RocksJournal::Open(folder_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition) << second.status();
}

// A full disk, played by a limit on the size of files: write() fails in the same way.
TEST_F(Damage, AFullDiskIsStickyAndLosesNothingAcknowledged) {
  const ChildEnd end = InChild("full", std::to_string(256 << 10));
  ASSERT_EQ(end.status, 0);
  const uint64_t acknowledged = std::stoull(end.output) * 3;
  ASSERT_GT(acknowledged, 30u);
  Open();  // the restart that recovers
  uint64_t count = 0;
  EXPECT_TRUE(ReadAll("wf_aaaaaa", &count).ok());
  EXPECT_GE(count, acknowledged);
  EXPECT_LE(count, acknowledged + 3) << "at most the group that was being written";
  EXPECT_EQ(journal_->ReadSummary("wf_aaaaaa")->last_event(), count);
  EXPECT_TRUE(journal_->Append(Events("wf_aaaaaa", count + 1, 1)).ok());
}

TEST_F(Damage, ABackupOpensAndHoldsWhatWasThere) {
  ASSERT_TRUE(journal_->Append(Events("wf_aaaaaa", 1, 30)).ok());
  const std::string copy = folder_ + ".backup";
  ASSERT_TRUE(journal_->Backup(copy).ok());
  ASSERT_TRUE(journal_->Append(Events("wf_aaaaaa", 31, 1)).ok());
  {
    auto backup = RocksJournal::Open(copy);
    ASSERT_TRUE(backup.ok()) << backup.status();
    EXPECT_EQ((*backup)->ReadSummary("wf_aaaaaa")->last_event(), 30u);
  }
  fs::remove_all(copy);
}

}  // namespace
}  // namespace odw::journal
