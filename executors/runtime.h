// What a runtime (mock, command, bamboo, ...) is to the executor: something that starts tasks and answers
// each once. Everything here runs on the loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "daemon/base/status.h"
#include "odw/v1/executor.pb.h"

namespace odw::executors {

struct Task {
  std::string token;
  std::string run_id;
  uint64_t node = 0;
  uint32_t attempt = 0;
  odw::v1::AgentRequest request;
  std::string resume_session;  // go on with this session of the runtime; empty: begin one
  std::string resume_token;    // the attempt whose session and worktree those are
};

// Where a runtime reports. For each started or adopted task exactly one of Finished and Lost, at any time,
// also from inside Start.
class TaskSink {
 public:
  virtual ~TaskSink() = default;
  // `result` carries the token. It is spooled, then Runtime::Stored is called, then it is offered.
  virtual void Finished(odw::v1::Result result) = 0;
  // The task is gone without a result. REQUIRES: everything it had started is proved dead.
  virtual void Lost(odw::v1::Lost lost) = 0;
  virtual void Progress(odw::v1::Progress progress) = 0;
};

class Runtime {
 public:
  virtual ~Runtime() = default;
  // Once, before anything else.
  void Bind(TaskSink* sink) { sink_ = sink; }

  // Fills in what Register says of this runtime: its name, models, commands.
  virtual void Describe(odw::v1::Register* out) const = 0;
  // Once, before the first attach: the tasks of a former process of this executor that are still to be
  // reported. Those whose token `stored` tells to be in the spool already are cleaned up instead.
  virtual absl::StatusOr<std::vector<std::string>> Adopt(
      const std::function<bool(const std::string& token)>& stored) {
    (void)stored;
    return std::vector<std::string>();
  }
  virtual void Start(Task task) = 0;
  // Ends the task early; it still reports (CANCELLED, or its own end if that came first). Unknown tokens
  // are passed over.
  virtual void Cancel(const std::string& token, const std::string& reason) = 0;
  // The result of this token is in the spool, or its loss is acknowledged: whatever the runtime keeps of
  // it may go.
  virtual void Stored(const std::string& token) { (void)token; }

  // An operation of `odwctl diff|apply|merge`; `done` once, on the loop's thread.
  virtual void CarryOut(odw::v1::RepositoryCommand command,
                        std::function<void(odw::v1::RepositoryReply)> done) {
    odw::v1::RepositoryReply reply;
    reply.set_id(command.id());
    reply.mutable_error()->set_category(odw::v1::UNSUPPORTED);
    reply.mutable_error()->set_message("this executor serves no repositories");
    done(std::move(reply));
  }

 protected:
  TaskSink* sink_ = nullptr;
};

}  // namespace odw::executors
