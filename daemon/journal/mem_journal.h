// A journal in memory, for tests and the simulator: what was appended but not synced can be lost,
// and failures can be planted.
//
// Threads: any; one mutex around all of it. Reads see the synced part only.
#pragma once

#include <deque>
#include <map>
#include <string>

#include "daemon/base/mutex.h"
#include "daemon/journal/journal.h"

namespace odw::journal {

class MemJournal : public Journal {
 public:
  // AppendUnsynced, then Sync.
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
  absl::Status DeleteRun(const std::string& run_id) override;

  // Takes a group in without making it durable.
  absl::Status AppendUnsynced(Group group);
  // Makes what was appended durable.
  absl::Status Sync();
  size_t unsynced_groups() const;
  // A crash: of the unsynced groups only the first `kept` are there afterwards (as durable ones),
  // for a disk may have written more than it had promised. Clears a sticky error, as a restart
  // does.
  void LoseUnsynced(size_t kept = 0);

  // The `nth` Sync from now on (1: the next) fails with `status`; sticky from then on, as on a
  // disk.
  void FailSync(size_t nth, absl::Status status);
  // Reads of this event (seq 0: of the summary) answer DataLoss.
  void Corrupt(const std::string& run_id, uint64_t seq);

 private:
  struct Run {
    v1::RunSummary summary;
    std::map<uint64_t, std::string> events;
    std::map<std::string, std::string> blobs;
    std::map<uint64_t, bool> corrupt;
  };
  void Apply(const Group& group) ODW_REQUIRES(mutex_);
  absl::StatusOr<v1::RunSummary> Summary(const std::string& run_id) ODW_REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, Run> runs_ ODW_GUARDED_BY(mutex_);  // synced
  std::deque<Group> unsynced_ ODW_GUARDED_BY(mutex_);
  size_t syncs_to_failure_ ODW_GUARDED_BY(mutex_) = 0;
  absl::Status planted_ ODW_GUARDED_BY(mutex_);
  absl::Status error_ ODW_GUARDED_BY(mutex_);
};

}  // namespace odw::journal
