// One executor's stream. Messages from the executor go to the core's inbox as they come; messages
// to it are queued and written one after the other, with the hint that lets gRPC join them in one
// system call.
//
// Threads: Start once; Send and Close by any; the rest is called by gRPC. Keeps itself alive until
// OnDone, after which the core is told with ExecutorDetached.
#pragma once

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <memory>

#include "daemon/base/mutex.h"
#include "daemon/core/core_inbox.h"
#include "daemon/rpc/hub.h"
#include "odw/v1/executor.pb.h"

namespace odw::rpc {

// What may wait for a slow executor; past it the stream is closed and the executor attaches again.
inline constexpr size_t kOutboundMessagesMax = 200000;
inline constexpr size_t kOutboundBytesMax = 512u << 20;

class AttachReactor final : public grpc::ServerBidiReactor<v1::FromExecutor, v1::ToExecutor>,
                            public Session,
                            public std::enable_shared_from_this<AttachReactor> {
 public:
  AttachReactor(Hub* hub, core::CoreInbox* inbox) : hub_(hub), inbox_(inbox) {}

  void Start();
  // Instead of Start: ends the call at once.
  void Refuse(const absl::Status& status);

  void Send(v1::ToExecutor message) override;
  void Close(absl::Status why) override;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  absl::Status Take(v1::FromExecutor message);
  void MaybeWrite() ODW_REQUIRES(mutex_);
  void FinishOnce(const absl::Status& status) ODW_REQUIRES(mutex_);

  Hub* const hub_;
  core::CoreInbox* const inbox_;
  std::shared_ptr<AttachReactor> self_;
  core::SessionId id_ = 0;
  bool registered_ = false;  // used by reads only, of which there is one at a time
  v1::FromExecutor incoming_;

  Mutex mutex_;
  std::deque<v1::ToExecutor> queue_ ODW_GUARDED_BY(mutex_);
  size_t queued_bytes_ ODW_GUARDED_BY(mutex_) = 0;
  bool writing_ ODW_GUARDED_BY(mutex_) = false;
  bool started_writing_ ODW_GUARDED_BY(mutex_) = false;
  bool closing_ ODW_GUARDED_BY(mutex_) = false;  // finish with why_ once the queue is written
  bool finished_ ODW_GUARDED_BY(mutex_) = false;
  absl::Status why_ ODW_GUARDED_BY(mutex_);
  v1::ToExecutor current_;  // being written
};

}  // namespace odw::rpc
