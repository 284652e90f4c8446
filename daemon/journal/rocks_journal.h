// The journal on RocksDB, embedded. FORMAT.md says what lies where. The only source that includes
// rocksdb is rocks_journal.cc.
//
// Threads: as Journal says; Backup and error() by any thread. One process a folder (RocksDB locks
// it).
#pragma once

#include <memory>
#include <string>

#include "daemon/journal/journal.h"

namespace odw::journal {

class RocksJournal : public Journal {
 public:
  // Opens or makes the journal in `folder`. FailedPrecondition for a newer schema or a folder in
  // use; DataLoss when it cannot be read (what, and how to go on); ResourceExhausted on a full
  // disk.
  static absl::StatusOr<std::unique_ptr<RocksJournal>> Open(const std::string& folder);
  ~RocksJournal() override;

  absl::Status Append(const Group& group) override;
  absl::StatusOr<v1::RunSummary> ReadSummary(const std::string& run_id) override;
  absl::Status ReadEvents(const std::string& run_id, uint64_t after,
                          const std::function<bool(uint64_t, const v1::Event&)>& visit) override;
  absl::StatusOr<std::string> ReadBlob(const std::string& run_id,
                                       const std::string& sha256) override;
  absl::StatusOr<std::vector<v1::RunSummary>> List(const ListOptions& options) override;
  absl::StatusOr<std::vector<v1::RunSummary>> OpenRuns() override;
  absl::StatusOr<v1::RunSummary> FindByKey(const std::string& owner,
                                           const std::string& key) override;
  // By the thread that appends.
  absl::Status DeleteRun(const std::string& run_id) override;

  // A consistent copy in `folder`, which must not exist; hard links where the file system allows.
  absl::Status Backup(const std::string& folder);

  // Moves what only the write-ahead log holds into table files. For tests and before a backup.
  absl::Status Flush();
  // Merges the table files of events, as RocksDB does by itself in time. DataLoss: one is damaged.
  // For tests.
  absl::Status Compact();

  // What RocksDB dropped from the end of its log when it opened; empty: nothing. Also logged.
  const std::string& recovery_note() const;

  // The first failure of a write; OK as long as there was none.
  absl::Status error() const;

 private:
  class Impl;
  explicit RocksJournal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace odw::journal
