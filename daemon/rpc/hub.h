// Who waits for what: the meeting place of the core's loop (which calls the Outbox side) and of the
// gRPC services (which register streams, calls and watchers). Knows no gRPC.
//
// Threads: any. The mutex is never held while a registered object is called.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "daemon/base/mutex.h"
#include "daemon/rpc/outbox.h"
#include "odw/v1/control.pb.h"

namespace odw::rpc {

inline constexpr size_t kSessionsMax = 4096;
// Watchers and calls that wait for a result, together.
inline constexpr size_t kWaitersMax = 50000;
// Commands to repositories that were not answered yet.
inline constexpr size_t kCommandsMax = 1000;

// A stream to one executor.
class Session {
 public:
  virtual ~Session() = default;
  virtual void Send(v1::ToExecutor message) = 0;
  virtual void Close(absl::Status why) = 0;
};

// Somebody who follows a run's events.
class Watcher {
 public:
  virtual ~Watcher() = default;
  // Events up to `last` are committed.
  virtual void OnEvents(uint64_t last) = 0;
  // The run's last event is committed.
  virtual void OnEnded() = 0;
  virtual void Fail(const absl::Status& status) = 0;
  // What a node has done so far: told once and kept nowhere.
  virtual void OnProgress(const v1::NodeProgress& progress) = 0;
};

class Hub : public Outbox {
 public:
  using ReplyCallback = std::function<void(core::Reply)>;
  // OK when the run has ended; else why nobody will ever know.
  using EndCallback = std::function<void(absl::Status)>;
  using WaiterId = uint64_t;

  void Send(core::SessionId session, v1::ToExecutor message) override;
  void CloseSession(core::SessionId session, absl::Status why) override;
  void CompleteReply(core::Reply reply) override;
  void OnCommitted(const std::vector<std::pair<std::string, uint64_t>>& runs) override;
  void OnRunEnded(const std::string& run_id) override;
  void OnProgress(const std::string& run_id, const v1::NodeProgress& progress) override;
  void FailAll(absl::Status status) override;

  // As FailAll, with "odwd is stopping"; journal_error() stays as it is.
  void EndAll();

  // OK, or what every call is answered with since FailAll or EndAll.
  absl::Status status() const;
  absl::Status journal_error() const;

  // From now on `session` gets what is sent to the id. ResourceExhausted past kSessionsMax.
  absl::StatusOr<core::SessionId> AddSession(std::shared_ptr<Session> session);
  // Its commands that were not answered fail with Unavailable.
  void RemoveSession(core::SessionId id);
  // Who is at the other end, once it has said so.
  void NameSession(core::SessionId id, const v1::Register& info);

  using RepositoryCallback = std::function<void(absl::StatusOr<v1::RepositoryReply>)>;
  // Sends the command to the executor with this id; where it is not attached, to another on this host
  // that has worktrees. FailedPrecondition: nobody serves it. Else `done` is called once.
  absl::Status SendRepository(const std::string& executor_id, const std::string& host,
                              v1::RepositoryCommand command, RepositoryCallback done);
  void OnRepositoryReply(core::SessionId session, v1::RepositoryReply reply);

  // `done` is called once: by CompleteReply, or with the error of FailAll.
  absl::StatusOr<core::RequestId> ExpectReply(ReplyCallback done);
  // True when `done` was still waiting, and now never will be called.
  bool ForgetReply(core::RequestId id);

  absl::Status AddWatcher(const std::string& run_id, std::shared_ptr<Watcher> watcher);
  void RemoveWatcher(const std::string& run_id, const Watcher* watcher);

  // `done` is called once, when the run ends or on failure.
  absl::StatusOr<WaiterId> AddWaiter(const std::string& run_id, EndCallback done);
  // True when `done` was still waiting, and now never will be called.
  bool RemoveWaiter(const std::string& run_id, WaiterId id);

 private:
  struct Waiter {
    WaiterId id = 0;
    EndCallback done;
  };
  struct Peer {
    std::string executor_id, host;
    bool worktrees = false;
  };
  struct PendingCommand {
    core::SessionId session = 0;
    RepositoryCallback done;
  };
  void End(const absl::Status& status);
  core::SessionId FindPeer(const std::string& executor_id, const std::string& host) const
      ODW_REQUIRES(mutex_);

  mutable Mutex mutex_;
  absl::Status status_ ODW_GUARDED_BY(mutex_);
  absl::Status journal_error_ ODW_GUARDED_BY(mutex_);
  uint64_t last_id_ ODW_GUARDED_BY(mutex_) = 0;
  size_t waiting_ ODW_GUARDED_BY(mutex_) = 0;  // in watchers_ and waiters_
  absl::flat_hash_map<core::SessionId, std::shared_ptr<Session>> sessions_ ODW_GUARDED_BY(mutex_);
  absl::flat_hash_map<core::SessionId, Peer> peers_ ODW_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint64_t, PendingCommand> commands_ ODW_GUARDED_BY(mutex_);
  absl::flat_hash_map<core::RequestId, ReplyCallback> replies_ ODW_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, std::vector<std::shared_ptr<Watcher>>> watchers_
      ODW_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, std::vector<Waiter>> waiters_ ODW_GUARDED_BY(mutex_);
};

}  // namespace odw::rpc
