// Group commit: one thread that writes whatever is queued as one synced group. A failed sync is
// sticky: every later ticket fails with it. Also answers reads of blobs that are still on their
// way.
//
// Threads: Enqueue by one thread (the core's); ReadValue by any; `committed` is called on the
// committer's thread and must not block.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "daemon/base/mutex.h"
#include "daemon/journal/journal.h"

namespace odw::journal {

struct Committed {
  uint64_t ticket = 0;  // of the group; all earlier ones are durable too
  absl::Status status;  // sticky
  std::vector<std::pair<std::string, uint64_t>> runs;  // run id and its last durable event
  absl::Duration latency;                              // of the synced write
  size_t events = 0;
};

class JournalWriter {
 public:
  JournalWriter(Journal* journal, std::function<void(Committed)> committed);
  // Commits what is queued, then ends the thread.
  ~JournalWriter();

  // Queues a group. Groups queued while a sync is under way are merged and written as one. Returns
  // at once with the group's ticket: 1, 2, 3...
  uint64_t Enqueue(Group group);

  // True when no sync is under way and nothing is queued.
  bool idle() const;

  // A value that may not be committed yet: looks among what is queued, then in the journal.
  absl::StatusOr<std::string> ReadValue(const std::string& run_id, const v1::Blob& blob);

 private:
  struct PendingBlob {
    std::shared_ptr<const std::string> bytes;
    uint64_t ticket = 0;  // of the last group that carries it
  };

  void Loop();
  // Waits for work; false when it is time to end.
  bool TakeGroup(Group* merged, uint64_t* ticket);
  void ForgetBlobs(const Group& group, uint64_t ticket);

  Journal* const journal_;
  const std::function<void(Committed)> committed_;
  mutable Mutex mutex_;
  CondVar wake_;
  std::vector<Group> queued_ ODW_GUARDED_BY(mutex_);
  uint64_t last_ticket_ ODW_GUARDED_BY(mutex_) = 0;
  bool writing_ ODW_GUARDED_BY(mutex_) = false;
  bool stopping_ ODW_GUARDED_BY(mutex_) = false;
  // run id + digest -> bytes, from Enqueue until the commit.
  absl::flat_hash_map<std::string, PendingBlob> pending_blobs_ ODW_GUARDED_BY(mutex_);
  std::thread thread_;  // last: starts when all else is there
};

}  // namespace odw::journal
