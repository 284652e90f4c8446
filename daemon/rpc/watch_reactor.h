// One Watch call. PULLS: it reads committed events from the journal at the pace that the client
// takes them and sleeps until the run commits more, so a slow watcher costs one batch of memory and
// holds nobody up. Ends after the run's last event; a client that goes away frees everything.
//
// Threads: Start once; the rest is called by gRPC, the hub and the read pool. Keeps itself alive
// until OnDone.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "daemon/base/mutex.h"
#include "daemon/journal/journal.h"
#include "daemon/rpc/activity.h"
#include "daemon/rpc/hub.h"
#include "daemon/rpc/read_pool.h"
#include "odw/v1/control.pb.h"

namespace odw::rpc {

// One read of the journal: at most this many records.
inline constexpr size_t kWatchBatchEvents = 512;
// Nodes whose progress may wait for a slow watcher; that of more is dropped.
inline constexpr size_t kProgressNodesMax = 4096;

class WatchReactor final : public grpc::ServerWriteReactor<v1::WatchEvent>,
                           public Watcher,
                           public std::enable_shared_from_this<WatchReactor> {
 public:
  struct Deps {
    Hub* hub = nullptr;
    ReadPool* pool = nullptr;
    journal::Journal* journal = nullptr;
    Activity* activity = nullptr;
  };
  WatchReactor(Deps deps, std::string owner, std::string run_id, uint64_t after);

  // Begins, or ends the call at once when the caller was not admitted.
  void Start(const absl::Status& admitted);

  void OnEvents(uint64_t last) override;
  void OnEnded() override;
  void Fail(const absl::Status& status) override;
  void OnProgress(const v1::NodeProgress& progress) override;

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // What one read brought.
  struct Batch {
    std::deque<v1::WatchEvent> events;
    uint64_t last = 0;   // record read last
    bool full = false;   // there may be more
    bool ended = false;  // the run's last record is among them
    absl::Status status;
  };
  // On the pool.
  void Read();
  Batch ReadBatch(uint64_t after);
  absl::Status CheckRun();
  void OnPace();
  void MaybeRead() ODW_REQUIRES(mutex_);
  void MaybeWrite() ODW_REQUIRES(mutex_);
  void FinishOnce(const absl::Status& status) ODW_REQUIRES(mutex_);

  const Deps deps_;
  const ActivityScope scope_;
  const std::string owner_;
  const std::string run_id_;
  std::shared_ptr<WatchReactor> self_;

  Mutex mutex_;
  uint64_t after_ ODW_GUARDED_BY(mutex_);        // last record read
  bool checked_ ODW_GUARDED_BY(mutex_) = false;  // the run exists and is the caller's
  bool wanted_ ODW_GUARDED_BY(mutex_) = true;    // there may be records past after_
  bool reading_ ODW_GUARDED_BY(mutex_) = false;
  bool resting_ ODW_GUARDED_BY(mutex_) =
      false;  // read a moment ago: the next read waits for OnPace
  bool hurried_ ODW_GUARDED_BY(mutex_) =
      false;  // history to catch up with, or the run's end: no rest
  bool writing_ ODW_GUARDED_BY(mutex_) = false;
  bool started_writing_ ODW_GUARDED_BY(mutex_) = false;
  bool ending_ ODW_GUARDED_BY(mutex_) = false;  // finish with end_ once the buffer is written
  bool finished_ ODW_GUARDED_BY(mutex_) = false;
  absl::Status end_ ODW_GUARDED_BY(mutex_);
  std::deque<v1::WatchEvent> buffer_ ODW_GUARDED_BY(mutex_);
  // The latest of each node, told when nothing durable waits; a slow watcher misses some.
  std::map<uint64_t, v1::NodeProgress> progress_ ODW_GUARDED_BY(mutex_);
  v1::WatchEvent current_;  // being written
};

}  // namespace odw::rpc
