// The Control service. Reads answer from the journal's committed view, on the read pool; what changes a
// run goes through the core and answers when it is durable.
//
// Its methods stand in four sources: control_service.cc (what every call needs, and reads of a run),
// control_submit.cc (Submit, Resume), control_commands.cc (Stop, Pause, ..., Delete) and control_look.cc
// (Check, Explain, GetSource, ListWorkflows, Repository).
//
// Threads: called by gRPC's threads.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "daemon/rpc/activity.h"
#include "daemon/rpc/auth.h"
#include "daemon/rpc/hub.h"
#include "daemon/rpc/read_pool.h"
#include "daemon/rpc/repository_call.h"
#include "daemon/rpc/server.h"
#include "daemon/rpc/submit.h"
#include "daemon/rpc/unary_call.h"
#include "odw/v1/control.grpc.pb.h"

namespace odw::rpc {

inline constexpr uint32_t kListDefault = 50;
inline constexpr uint32_t kListMax = 1000;

class ControlService final : public v1::Control::CallbackService {
 public:
  using Context = grpc::CallbackServerContext;
  using Unary = grpc::ServerUnaryReactor;

  ControlService(const ServerOptions& options, const ServerDeps& deps, const Auth* auth, Hub* hub,
                 ReadPool* pool, Activity* activity);

  Unary* Submit(Context* context, const v1::SubmitRequest* request,
                v1::SubmitResponse* response) override;
  Unary* Resume(Context* context, const v1::ResumeRequest* request,
                v1::SubmitResponse* response) override;

  Unary* Stop(Context* context, const v1::StopRequest* request,
              v1::StopResponse* response) override;
  Unary* Pause(Context* context, const v1::PauseRequest* request,
               v1::RunReply* response) override;
  Unary* Unpause(Context* context, const v1::UnpauseRequest* request,
                 v1::RunReply* response) override;
  Unary* Skip(Context* context, const v1::NodeRequest* request, v1::RunReply* response) override;
  Unary* Restart(Context* context, const v1::NodeRequest* request,
                 v1::RunReply* response) override;
  Unary* Delete(Context* context, const v1::DeleteRequest* request,
                v1::DeleteResponse* response) override;

  Unary* GetRun(Context* context, const v1::GetRunRequest* request, v1::Run* response) override;
  Unary* ListRuns(Context* context, const v1::ListRunsRequest* request,
                  v1::ListRunsResponse* response) override;
  Unary* GetResult(Context* context, const v1::GetResultRequest* request,
                   v1::GetResultResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchEvent>* Watch(Context* context,
                                                  const v1::WatchRequest* request) override;
  grpc::ServerWriteReactor<v1::ReportChunk>* Report(Context* context,
                                                    const v1::ReportRequest* request) override;
  Unary* GetInfo(Context* context, const v1::GetInfoRequest* request, v1::Info* response) override;

  Unary* Check(Context* context, const v1::CheckRequest* request,
               v1::CheckResponse* response) override;
  Unary* Explain(Context* context, const v1::NodeRequest* request,
                 v1::ExplainResponse* response) override;
  Unary* GetSource(Context* context, const v1::GetSourceRequest* request,
                   v1::GetSourceResponse* response) override;
  Unary* ListWorkflows(Context* context, const v1::ListWorkflowsRequest* request,
                       v1::ListWorkflowsResponse* response) override;
  Unary* Repository(Context* context, const v1::RepositoryRequest* request,
                    v1::RepositoryResponse* response) override;

 private:
  // A Submit or Resume on its way; shared by the steps, one at a time.
  struct Submission;
  using SubmissionPtr = std::shared_ptr<Submission>;

  // The caller's owner name, once the caller is known and the journal is sound.
  absl::StatusOr<std::string> Admit(const Context& context) const;
  // The summary, if it is the owner's. On the pool.
  absl::StatusOr<v1::RunSummary> ReadOwn(const std::string& run_id, const std::string& owner) const;
  // The run's header. On the pool.
  absl::StatusOr<v1::RunSubmitted> ReadHeader(const std::string& run_id) const;
  absl::StatusOr<std::string> ReadValue(const std::string& run_id, const v1::Blob& blob) const;
  // A call that needs no more than an owner and the disk: `answer` runs on the pool.
  Unary* OnPool(Context* context,
                std::function<absl::Status(const std::string& owner)> answer);

  // Submit, step by step: the source, the check, what surrounds the run, the core.
  void FindSource(const SubmissionPtr& submission);
  void LoadScript(const SubmissionPtr& submission);
  void OnLoaded(const SubmissionPtr& submission, absl::StatusOr<v1::script::LoadReply> reply);
  absl::Status Survey(Submission* submission);
  absl::StatusOr<std::string> DescribeRebase(const ResumedRun& resumed,
                                             const std::string& head) const;
  void PostSubmit(const SubmissionPtr& submission);
  absl::Status ReadResumed(const v1::ResumeRequest& request, Submission* submission) const;

  // Posts an input that carries a fresh RequestId; `done` answers the call.
  void PostAndWait(UnaryCall* call, const std::function<core::Input(core::RequestId)>& make,
                   std::function<void(core::Reply)> done);
  // A change of a run: answered with the run as it is then.
  Unary* Command(Context* context, const std::string& run_id, const std::string& reason,
                 v1::Run* out,
                 const std::function<core::Input(core::RequestId, const std::string& owner)>& make);

  absl::Status FillRun(const v1::GetRunRequest& request, const std::string& owner,
                       v1::Run* out) const;
  absl::Status FillList(const v1::ListRunsRequest& request, const std::string& owner,
                        v1::ListRunsResponse* out) const;
  absl::Status FillResult(const std::string& run_id, const std::string& owner,
                          v1::GetResultResponse* out) const;
  void WaitForResult(UnaryCall* call, const v1::GetResultRequest* request,
                     v1::GetResultResponse* response, const std::string& owner);
  absl::Status FillSource(const std::string& run_id, const std::string& owner,
                          v1::GetSourceResponse* out) const;
  absl::StatusOr<RunWorktrees::Command> ReadWorktrees(const v1::RepositoryRequest& request,
                                                      const std::string& owner) const;

  const ServerDeps deps_;
  const SubmitDefaults defaults_;
  const config::SecretsRule secrets_;
  const std::string data_dir_;
  const absl::Time started_;
  const Auth* const auth_;
  Hub* const hub_;
  ReadPool* const pool_;
  Activity* const activity_;
};

// InvalidArgument unless it is a run id.
absl::Status CheckRunId(const std::string& run_id);

}  // namespace odw::rpc
