// The core's way out to gRPC: what daemon/loop calls when effects may leave. Implemented by
// rpc::Server; an interface, so that tests of the loop need no gRPC.
//
// Threads: every method may be called by any thread, never blocks, and may start a write on the
// calling thread. Calls for one session keep their order when they come from one thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "daemon/base/status.h"
#include "daemon/core/effect.h"
#include "odw/v1/control.pb.h"
#include "odw/v1/executor.pb.h"

namespace odw::rpc {

class Outbox {
 public:
  virtual ~Outbox() = default;

  // Sends to an attached executor, or drops the message when the session has ended. A session whose
  // queue is full is closed with RESOURCE_EXHAUSTED: its executor attaches again with its list.
  virtual void Send(core::SessionId session, v1::ToExecutor message) = 0;

  // Ends a stream after what was queued for it. The adapter still posts ExecutorDetached.
  virtual void CloseSession(core::SessionId session, absl::Status why) = 0;

  // Answers the call that waits for `reply.request`; a caller that has gone is ignored.
  virtual void CompleteReply(core::Reply reply) = 0;

  // Runs with their last durable event: wakes whoever watches them. What journal::Committed
  // carries.
  virtual void OnCommitted(const std::vector<std::pair<std::string, uint64_t>>& runs) = 0;

  // The run is over and its end is durable: answers those who wait for its result.
  virtual void OnRunEnded(const std::string& run_id) = 0;

  // What a node has done so far. Ephemeral: whoever watches the run now is told, nothing is kept.
  virtual void OnProgress(const std::string& run_id, const v1::NodeProgress& progress) = 0;

  // The journal failed: every waiting call, watcher and executor stream ends with UNAVAILABLE and
  // this status, and so does every later read and write. Sticky.
  virtual void FailAll(absl::Status status) = 0;
};

}  // namespace odw::rpc
