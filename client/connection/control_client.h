// The daemon's Control service as plain calls: the only part of odwctl that knows gRPC. Errors are
// absl statuses with the daemon's message and the code of control.proto. Blocking; thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/connection/endpoint.h"
#include "daemon/base/status.h"
#include "odw/v1/control.pb.h"

namespace odw::client {

enum class Watching { kGoOn, kEnough };

class ControlClient {
 public:
  // Dials in the background: the first call says whether anybody is there.
  explicit ControlClient(const Endpoint& endpoint);
  ~ControlClient();
  ControlClient(const ControlClient&) = delete;

  absl::StatusOr<v1::SubmitResponse> Submit(const v1::SubmitRequest& request);
  absl::StatusOr<v1::Run> GetRun(const v1::GetRunRequest& request);
  absl::StatusOr<v1::ListRunsResponse> ListRuns(const v1::ListRunsRequest& request);
  // With `wait`, blocks as long as the run lasts.
  absl::StatusOr<v1::GetResultResponse> GetResult(const v1::GetResultRequest& request);
  absl::StatusOr<v1::StopResponse> Stop(const v1::StopRequest& request);
  absl::StatusOr<v1::RunReply> Pause(const v1::PauseRequest& request);
  absl::StatusOr<v1::RunReply> Unpause(const v1::UnpauseRequest& request);
  absl::StatusOr<v1::RunReply> Skip(const v1::NodeRequest& request);
  absl::StatusOr<v1::RunReply> Restart(const v1::NodeRequest& request);
  absl::StatusOr<v1::SubmitResponse> Resume(const v1::ResumeRequest& request);
  absl::StatusOr<v1::ExplainResponse> Explain(const v1::NodeRequest& request);
  absl::StatusOr<v1::DeleteResponse> Delete(const v1::DeleteRequest& request);
  absl::StatusOr<v1::CheckResponse> Check(const v1::CheckRequest& request);
  absl::StatusOr<v1::ListWorkflowsResponse> ListWorkflows(
      const v1::ListWorkflowsRequest& request);
  absl::StatusOr<v1::GetSourceResponse> GetSource(const v1::GetSourceRequest& request);
  // A merge of many nodes takes its time: waits up to ten minutes.
  absl::StatusOr<v1::RepositoryResponse> Repository(const v1::RepositoryRequest& request);
  absl::StatusOr<v1::Info> GetInfo();

  // Calls `on_event` for each event, in this thread. OK when the daemon ended the stream or
  // `on_event` said kEnough.
  absl::Status Watch(const v1::WatchRequest& request,
                     const std::function<Watching(const v1::WatchEvent&)>& on_event);

  // Calls `on_chunk` for each piece of the page; a failure of its own ends the call with it.
  absl::Status Report(const v1::ReportRequest& request,
                      const std::function<absl::Status(const std::string&)>& on_chunk);

 private:
  struct Stubs;
  std::unique_ptr<Stubs> stubs_;
};

}  // namespace odw::client
