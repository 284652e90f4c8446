// The Control service. Reads answer from the journal's committed view, on the read pool; Submit and
// Stop go through the core and answer when what they did is durable.
//
// Threads: called by gRPC's threads.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "daemon/rpc/activity.h"
#include "daemon/rpc/auth.h"
#include "daemon/rpc/hub.h"
#include "daemon/rpc/read_pool.h"
#include "daemon/rpc/server.h"
#include "daemon/rpc/submit.h"
#include "daemon/rpc/unary_call.h"
#include "odw/v1/control.grpc.pb.h"

namespace odw::rpc {

inline constexpr uint32_t kListDefault = 50;
inline constexpr uint32_t kListMax = 1000;

class ControlService final : public v1::Control::CallbackService {
 public:
  ControlService(const ServerOptions& options, const ServerDeps& deps, const Auth* auth, Hub* hub,
                 ReadPool* pool, Activity* activity);

  grpc::ServerUnaryReactor* Submit(grpc::CallbackServerContext* context,
                                   const v1::SubmitRequest* request,
                                   v1::SubmitResponse* response) override;
  grpc::ServerUnaryReactor* GetRun(grpc::CallbackServerContext* context,
                                   const v1::GetRunRequest* request, v1::Run* response) override;
  grpc::ServerUnaryReactor* ListRuns(grpc::CallbackServerContext* context,
                                     const v1::ListRunsRequest* request,
                                     v1::ListRunsResponse* response) override;
  grpc::ServerUnaryReactor* GetResult(grpc::CallbackServerContext* context,
                                      const v1::GetResultRequest* request,
                                      v1::GetResultResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchEvent>* Watch(grpc::CallbackServerContext* context,
                                                  const v1::WatchRequest* request) override;
  grpc::ServerUnaryReactor* Stop(grpc::CallbackServerContext* context,
                                 const v1::StopRequest* request,
                                 v1::StopResponse* response) override;
  grpc::ServerWriteReactor<v1::ReportChunk>* Report(grpc::CallbackServerContext* context,
                                                    const v1::ReportRequest* request) override;
  grpc::ServerUnaryReactor* GetInfo(grpc::CallbackServerContext* context,
                                    const v1::GetInfoRequest* request, v1::Info* response) override;

 private:
  // The caller's owner name, once the caller is known and the journal is sound.
  absl::StatusOr<std::string> Admit(const grpc::CallbackServerContext& context) const;
  // NotFound also for a run of another owner.
  absl::StatusOr<v1::RunSummary> ReadOwn(const std::string& run_id, const std::string& owner) const;

  struct Submission {
    UnaryCall* call = nullptr;
    const v1::SubmitRequest* request = nullptr;
    v1::SubmitResponse* response = nullptr;
    std::string owner;
  };
  void OnLoaded(const Submission& submission, absl::StatusOr<v1::script::LoadReply> reply);
  void PostSubmit(const Submission& submission, core::Submit submit);
  // Posts to the core; answers `call` itself when that fails.
  void PostAndWait(UnaryCall* call, const std::function<core::Input(core::RequestId)>& make,
                   std::function<void(core::Reply)> done);

  absl::Status FillRun(const v1::GetRunRequest& request, const std::string& owner,
                       v1::Run* out) const;
  absl::Status FillList(const v1::ListRunsRequest& request, const std::string& owner,
                        v1::ListRunsResponse* out) const;
  absl::Status FillResult(const std::string& run_id, const std::string& owner,
                          v1::GetResultResponse* out) const;
  void WaitForResult(UnaryCall* call, const v1::GetResultRequest* request,
                     v1::GetResultResponse* response, const std::string& owner);

  const ServerDeps deps_;
  const SubmitDefaults defaults_;
  const std::string data_dir_;
  const absl::Time started_;
  const Auth* const auth_;
  Hub* const hub_;
  ReadPool* const pool_;
  Activity* const activity_;
};

}  // namespace odw::rpc
