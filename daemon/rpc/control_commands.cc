// What changes a run that exists: Stop, Pause, Unpause, Skip, Restart, Delete.
#include <utility>

#include "daemon/model/run_view.h"
#include "daemon/rpc/control_service.h"

namespace odw::rpc {
namespace {

constexpr size_t kReasonBytesMax = 4096;

}  // namespace

void ControlService::PostAndWait(UnaryCall* call,
                                 const std::function<core::Input(core::RequestId)>& make,
                                 std::function<void(core::Reply)> done) {
  const absl::StatusOr<core::RequestId> id = hub_->ExpectReply(std::move(done));
  if (!id.ok()) return call->Answer(id.status());
  if (deps_.inbox->TryPost(make(*id))) return;
  if (hub_->ForgetReply(*id)) {
    call->Answer(absl::ResourceExhaustedError("odwd has too much to do at the moment: try again"));
  }
}

ControlService::Unary* ControlService::Command(
    Context* context, const std::string& run_id, const std::string& reason, v1::Run* out,
    const std::function<core::Input(core::RequestId, const std::string& owner)>& make) {
  auto* call = new UnaryCall(activity_);
  const absl::StatusOr<std::string> owner = Admit(*context);
  absl::Status status = owner.status();
  if (status.ok()) status = CheckRunId(run_id);
  if (status.ok() && reason.size() > kReasonBytesMax) {
    status = absl::InvalidArgumentError("a reason has at most " + std::to_string(kReasonBytesMax) +
                                        " bytes");
  }
  if (!status.ok()) {
    call->Answer(status);
    return call;
  }
  const auto answer = [this, call, run_id, out, owner = *owner](absl::Status refused) {
    absl::StatusOr<v1::RunSummary> summary = ReadOwn(run_id, owner);
    if (summary.ok()) *out = model::RunFromSummary(*summary);
    // The core knows open runs alone: of one that ended long ago, it says that there is none.
    if (absl::IsNotFound(refused) && summary.ok() && model::IsEnded(summary->state())) {
      refused = absl::FailedPreconditionError("run " + run_id + " has ended already");
    }
    call->Answer(refused.ok() ? summary.status() : refused);
  };
  PostAndWait(
      call, [&](core::RequestId id) { return make(id, *owner); },
      [this, call, answer](core::Reply reply) {
        if (!reply.status.ok() && !absl::IsNotFound(reply.status)) return call->Answer(reply.status);
        pool_->Post([answer, status = reply.status] { answer(status); });
      });
  return call;
}

ControlService::Unary* ControlService::Stop(Context* context, const v1::StopRequest* request,
                                            v1::StopResponse* response) {
  return Command(context, request->run_id(), request->reason(), response->mutable_run(),
                 [&](core::RequestId id, const std::string& owner) -> core::Input {
                   return core::StopRun{.request = id,
                                        .run_id = request->run_id(),
                                        .owner = owner,
                                        .reason = request->reason()};
                 });
}

ControlService::Unary* ControlService::Pause(Context* context, const v1::PauseRequest* request,
                                             v1::RunReply* response) {
  return Command(context, request->run_id(), request->reason(), response->mutable_run(),
                 [&](core::RequestId id, const std::string& owner) -> core::Input {
                   return core::PauseRun{.request = id,
                                         .run_id = request->run_id(),
                                         .owner = owner,
                                         .reason = request->reason()};
                 });
}

ControlService::Unary* ControlService::Unpause(Context* context, const v1::UnpauseRequest* request,
                                               v1::RunReply* response) {
  return Command(context, request->run_id(), "", response->mutable_run(),
                 [&](core::RequestId id, const std::string& owner) -> core::Input {
                   return core::UnpauseRun{.request = id,
                                           .run_id = request->run_id(),
                                           .owner = owner,
                                           .tokens_max = request->tokens_max(),
                                           .cost_micros_max = request->cost_micros_max()};
                 });
}

ControlService::Unary* ControlService::Skip(Context* context, const v1::NodeRequest* request,
                                            v1::RunReply* response) {
  return Command(context, request->run_id(), "", response->mutable_run(),
                 [&](core::RequestId id, const std::string& owner) -> core::Input {
                   return core::SkipNode{.request = id,
                                         .run_id = request->run_id(),
                                         .owner = owner,
                                         .node = request->node()};
                 });
}

ControlService::Unary* ControlService::Restart(Context* context, const v1::NodeRequest* request,
                                               v1::RunReply* response) {
  return Command(context, request->run_id(), "", response->mutable_run(),
                 [&](core::RequestId id, const std::string& owner) -> core::Input {
                   return core::RestartNode{.request = id,
                                            .run_id = request->run_id(),
                                            .owner = owner,
                                            .node = request->node()};
                 });
}

ControlService::Unary* ControlService::Delete(Context* context, const v1::DeleteRequest* request,
                                              v1::DeleteResponse*) {
  auto* call = new UnaryCall(activity_);
  absl::StatusOr<std::string> owner = Admit(*context);
  if (!owner.ok()) {
    call->Answer(owner.status());
    return call;
  }
  pool_->Post([this, call, run_id = request->run_id(), owner = *std::move(owner)] {
    const absl::StatusOr<v1::RunSummary> summary = ReadOwn(run_id, owner);
    if (!summary.ok()) return call->Answer(summary.status());
    if (!model::IsEnded(summary->state())) {
      return call->Answer(
          absl::FailedPreconditionError("run " + run_id + " has not ended: stop it first"));
    }
    if (!deps_.delete_run) return call->Answer(absl::UnimplementedError("no run can be deleted"));
    deps_.delete_run(*summary, [call](absl::Status status) { call->Answer(status); });
  });
  return call;
}

}  // namespace odw::rpc
