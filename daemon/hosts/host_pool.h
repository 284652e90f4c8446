// The pool of script hosts: keeps a few warm, gives one to each run that the core starts, feeds it and
// hands back its turns. How many runs may have one at once is the core's decision; the pool only keeps
// processes for them.
//
// Threads: one, the owner's of `poller`; versions() by any.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "daemon/base/mutex.h"
#include "daemon/base/poller.h"
#include "daemon/hosts/script_host.h"
#include "daemon/hosts/zygote.h"

namespace odw::hosts {

struct HostPoolOptions {
  std::string binary;           // odw-script
  size_t warm = 2;              // idle hosts kept ready at least
  size_t idle_max = 8;          // idle hosts beyond this end after idle_linger
  absl::Duration idle_linger = absl::Seconds(10);
};

// What a host says, on the poller's thread. An implementation only takes note: the pool may be in the
// middle of its own work.
class HostEvents {
 public:
  virtual ~HostEvents() = default;
  virtual void OnTurn(const std::string& run_id, uint64_t epoch, v1::script::Turn turn) = 0;
  virtual void OnHostGone(const std::string& run_id, uint64_t epoch,
                          std::optional<v1::script::Fatal> fatal) = 0;
};

struct HostVersions {
  std::string prelude, v8, icu, corejs;
};

class HostPool {
 public:
  HostPool(HostPoolOptions options, Poller* poller, ReadValue read_value, HostEvents* events);
  ~HostPool();

  // Starts the zygote and the warm hosts.
  absl::Status Start();

  // A run begins (or goes on, by replay) in some host. `frame` is its Start.
  void Begin(const std::string& run_id, uint64_t epoch, const std::string& owner, PendingFrame frame);
  // Dropped when the run has no host of this epoch.
  void Push(const std::string& run_id, uint64_t epoch, PendingFrame frame);
  void Release(const std::string& run_id, uint64_t epoch);

  // Sends what was queued since the last call, and tends to idle hosts.
  void Flush(absl::Time now);
  // When Flush wants to be called even if nothing happens.
  absl::Time next_wake() const { return next_wake_; }

  // Inputs that hosts are working on: while there are some, more events are about to come.
  size_t turns_open() const { return turns_open_; }
  size_t alive() const { return hosts_.size(); }
  pid_t zygote_pid() const { return zygote_.pid(); }
  // The process that serves this run; -1: none does.
  pid_t PidOf(const std::string& run_id) const;
  // As told by the first host; empty before.
  HostVersions versions() const;

 private:
  // A run that has been promised a host; `host` is null until one is ready.
  struct Lease {
    uint64_t epoch = 0;
    std::string owner;
    ScriptHost* host = nullptr;
    std::vector<PendingFrame> waiting;  // frames until then
  };

  void ForkOne();
  void Bind(const std::string& run_id, Lease* lease, ScriptHost* host);
  ScriptHost* FindIdle(const std::string& owner);
  void OnReady(ScriptHost* host, Poller::Ready ready);
  void OnReadable(ScriptHost* host);
  // False: the host was dropped.
  bool OnFrame(ScriptHost* host, v1::script::FromHost frame);
  void OnIdle(ScriptHost* host);
  void QueuePump(ScriptHost* host);
  void Pump(ScriptHost* host);
  void Drop(ScriptHost* host, std::optional<v1::script::Fatal> fatal);
  void ServeWaiting();
  void TrimIdle();

  const HostPoolOptions options_;
  Poller* const poller_;
  const ReadValue read_value_;
  HostEvents* const events_;
  Zygote zygote_;
  absl::flat_hash_map<int, std::unique_ptr<ScriptHost>> hosts_;  // by descriptor
  absl::flat_hash_map<std::string, Lease> leases_;               // by run
  std::deque<std::string> waiting_;                              // runs without a host yet
  std::vector<int> to_pump_;
  size_t starting_ = 0;
  size_t idle_ = 0;
  size_t turns_open_ = 0;
  uint32_t failed_starts_ = 0;
  absl::Time now_ = absl::UnixEpoch();
  absl::Time next_wake_ = absl::InfiniteFuture();
  absl::Time fork_again_at_ = absl::InfinitePast();

  mutable Mutex versions_mutex_;
  HostVersions versions_ ODW_GUARDED_BY(versions_mutex_);
};

}  // namespace odw::hosts
