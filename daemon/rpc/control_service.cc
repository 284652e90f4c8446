#include "daemon/rpc/control_service.h"

#include <unistd.h>

#include <utility>

#include "daemon/base/ids.h"
#include "daemon/base/version.h"
#include "daemon/model/run_view.h"
#include "daemon/rpc/report_reactor.h"
#include "daemon/rpc/watch_reactor.h"

namespace odw::rpc {
namespace {

// Leaves room under kMessageBytesMax; past it a Run travels without prompts and results.
constexpr size_t kRunBytesMax = 64u << 20;

}  // namespace

absl::Status CheckRunId(const std::string& run_id) {
  if (IsRunId(run_id)) return absl::OkStatus();
  return absl::InvalidArgumentError("'" + run_id.substr(0, 100) + "' is not a run id (wf_...)");
}

ControlService::ControlService(const ServerOptions& options, const ServerDeps& deps,
                               const Auth* auth, Hub* hub, ReadPool* pool, Activity* activity)
    : deps_(deps),
      defaults_{.limits = options.limits,
                .default_runtime = options.default_runtime,
                .default_model = options.default_model,
                .exchange = options.exchange,
                .fallback = options.fallback},
      secrets_(options.secrets),
      data_dir_(options.data_dir),
      started_(absl::Now()),
      auth_(auth),
      hub_(hub),
      pool_(pool),
      activity_(activity) {}

absl::StatusOr<std::string> ControlService::Admit(
    const Context& context) const {
  ODW_ASSIGN_OR_RETURN(std::string owner, auth_->Check(context));
  ODW_RETURN_IF_ERROR(hub_->status());
  return owner;
}

absl::StatusOr<v1::RunSummary> ControlService::ReadOwn(const std::string& run_id,
                                                       const std::string& owner) const {
  ODW_RETURN_IF_ERROR(CheckRunId(run_id));
  ODW_ASSIGN_OR_RETURN(v1::RunSummary summary, deps_.journal->ReadSummary(run_id));
  if (summary.owner() != owner) return absl::NotFoundError("no run " + run_id);
  return summary;
}

absl::StatusOr<v1::RunSubmitted> ControlService::ReadHeader(const std::string& run_id) const {
  v1::RunSubmitted header;
  ODW_RETURN_IF_ERROR(
      deps_.journal->ReadEvents(run_id, 0, [&](uint64_t, const v1::Event& event) {
        header = event.submitted();
        return false;
      }));
  if (header.run_id() == run_id) return header;
  return absl::DataLossError("run " + run_id + " has no header in the journal");
}

absl::StatusOr<std::string> ControlService::ReadValue(const std::string& run_id,
                                                      const v1::Blob& blob) const {
  if (blob.sha256().empty()) return blob.inline_();
  return deps_.journal->ReadBlob(run_id, blob.sha256());
}

ControlService::Unary* ControlService::OnPool(
    Context* context, std::function<absl::Status(const std::string& owner)> answer) {
  auto* call = new UnaryCall(activity_);
  absl::StatusOr<std::string> owner = Admit(*context);
  if (!owner.ok()) {
    call->Answer(owner.status());
    return call;
  }
  pool_->Post([call, answer = std::move(answer), owner = *std::move(owner)] {
    call->Answer(answer(owner));
  });
  return call;
}

// ---- Reads: from the committed view.

ControlService::Unary* ControlService::GetRun(Context* context,
                                                 const v1::GetRunRequest* request,
                                                 v1::Run* response) {
  return OnPool(context, [this, request, response](const std::string& owner) {
    return FillRun(*request, owner, response);
  });
}

absl::Status ControlService::FillRun(const v1::GetRunRequest& request, const std::string& owner,
                                     v1::Run* out) const {
  ODW_ASSIGN_OR_RETURN(const v1::RunSummary summary, ReadOwn(request.run_id(), owner));
  *out = model::RunFromSummary(summary);
  if (!request.with_nodes()) return absl::OkStatus();
  model::RunView view;
  ODW_RETURN_IF_ERROR(
      deps_.journal->ReadEvents(request.run_id(), 0, [&](uint64_t seq, const v1::Event& event) {
        view.Apply(seq, event);
        return true;
      }));
  v1::Run folded = view.Build();
  out->mutable_node()->Swap(folded.mutable_node());
  out->mutable_log()->Swap(folded.mutable_log());
  out->set_budget_total(folded.budget_total());
  if (out->ByteSizeLong() <= kRunBytesMax) return absl::OkStatus();
  for (v1::Node& node : *out->mutable_node()) {
    node.mutable_prompt()->clear_inline_();
    node.mutable_result()->clear_inline_();
  }
  return absl::OkStatus();
}

ControlService::Unary* ControlService::ListRuns(Context* context,
                                                   const v1::ListRunsRequest* request,
                                                   v1::ListRunsResponse* response) {
  return OnPool(context, [this, request, response](const std::string& owner) {
    return FillList(*request, owner, response);
  });
}

absl::Status ControlService::FillList(const v1::ListRunsRequest& request, const std::string& owner,
                                      v1::ListRunsResponse* out) const {
  if (!request.before().empty()) ODW_RETURN_IF_ERROR(CheckRunId(request.before()));
  const uint32_t limit = request.limit() == 0 ? kListDefault : std::min(request.limit(), kListMax);
  journal::ListOptions options{.owner = owner, .before = request.before(), .limit = limit + 1};
  for (int state : request.states()) options.states.push_back(static_cast<v1::RunState>(state));
  ODW_ASSIGN_OR_RETURN(std::vector<v1::RunSummary> runs, deps_.journal->List(options));
  const bool more = runs.size() > limit;  // one was asked for beyond the page to know this
  if (more) runs.resize(limit);
  for (const v1::RunSummary& run : runs) *out->add_runs() = model::RunFromSummary(run);
  if (more) out->set_next_before(runs.back().run_id());
  return absl::OkStatus();
}

ControlService::Unary* ControlService::GetResult(Context* context,
                                                    const v1::GetResultRequest* request,
                                                    v1::GetResultResponse* response) {
  auto* call = new UnaryCall(activity_);
  absl::StatusOr<std::string> owner = Admit(*context);
  absl::Status status = owner.status();
  if (status.ok()) status = CheckRunId(request->run_id());
  if (!status.ok()) {
    call->Answer(status);
    return call;
  }
  if (request->wait()) {
    WaitForResult(call, request, response, *owner);
  } else {
    pool_->Post([this, call, request, response, owner = *std::move(owner)] {
      call->Answer(FillResult(request->run_id(), owner, response));
    });
  }
  return call;
}

// Registers first and looks at the run then, so that an end between the two is not missed. Whoever
// takes the waiter out of the hub answers the call: the run's end, a failure, the first look or a
// client that goes away.
void ControlService::WaitForResult(UnaryCall* call, const v1::GetResultRequest* request,
                                   v1::GetResultResponse* response, const std::string& owner) {
  const std::string& run_id = request->run_id();
  const auto answer = [this, call, run_id, response, owner] {
    call->Answer(FillResult(run_id, owner, response));
  };
  const absl::StatusOr<Hub::WaiterId> id =
      hub_->AddWaiter(run_id, [this, call, answer](const absl::Status& ended) {
        if (!ended.ok()) return call->Answer(ended);
        pool_->Post(answer);
      });
  if (!id.ok()) return call->Answer(id.status());
  call->OnClientGone([this, call, run_id, id = *id] {
    if (hub_->RemoveWaiter(run_id, id)) call->Answer(absl::CancelledError("the client has gone"));
  });
  pool_->Post([this, run_id, owner, answer, id = *id] {
    const absl::StatusOr<v1::RunSummary> summary = ReadOwn(run_id, owner);
    const bool known = !summary.ok() || model::IsEnded(summary->state());
    if (known && hub_->RemoveWaiter(run_id, id)) answer();
  });
}

absl::Status ControlService::FillResult(const std::string& run_id, const std::string& owner,
                                        v1::GetResultResponse* out) const {
  ODW_ASSIGN_OR_RETURN(const v1::RunSummary summary, ReadOwn(run_id, owner));
  if (!model::IsEnded(summary.state())) {
    return absl::FailedPreconditionError("run " + run_id +
                                         " has not ended: wait for it, or watch it");
  }
  *out->mutable_run() = model::RunFromSummary(summary);
  if (!summary.has_result()) return absl::OkStatus();
  if (summary.result().sha256().empty()) {
    out->set_value_json(summary.result().inline_());
    return absl::OkStatus();
  }
  ODW_ASSIGN_OR_RETURN(*out->mutable_value_json(),
                       deps_.journal->ReadBlob(run_id, summary.result().sha256()));
  return absl::OkStatus();
}

grpc::ServerWriteReactor<v1::WatchEvent>* ControlService::Watch(
    Context* context, const v1::WatchRequest* request) {
  absl::StatusOr<std::string> owner = Admit(*context);
  const auto reactor = std::make_shared<WatchReactor>(
      WatchReactor::Deps{
          .hub = hub_, .pool = pool_, .journal = deps_.journal, .activity = activity_},
      owner.ok() ? *owner : "", request->run_id(), request->after());
  absl::Status status = owner.status();
  if (status.ok()) status = CheckRunId(request->run_id());
  reactor->Start(status);
  return reactor.get();  // holds itself until gRPC is done with it
}

grpc::ServerWriteReactor<v1::ReportChunk>* ControlService::Report(
    Context* context, const v1::ReportRequest* request) {
  auto* reactor = new ReportReactor(activity_);
  absl::StatusOr<std::string> owner = Admit(*context);
  if (!owner.ok()) {
    reactor->Begin(owner.status());
    return reactor;
  }
  pool_->Post([this, reactor, run_id = request->run_id(), owner = *std::move(owner)] {
    const absl::Status readable = ReadOwn(run_id, owner).status();
    if (!readable.ok()) return reactor->Begin(readable);
    reactor->Begin(deps_.render_report(run_id));
  });
  return reactor;
}

ControlService::Unary* ControlService::GetInfo(Context* context,
                                                  const v1::GetInfoRequest*, v1::Info* response) {
  auto* call = new UnaryCall(activity_);
  // Also answers when the journal has failed: this is how one learns it.
  const absl::Status status = auth_->Check(*context).status();
  if (status.ok()) {
    response->set_version(kVersion);
    response->set_pid(static_cast<uint32_t>(getpid()));
    response->set_data_dir(data_dir_);
    response->set_started_unix_ms(absl::ToUnixMillis(started_));
    response->set_journal_error(MessageOf(hub_->journal_error()));
    if (deps_.fill_info) deps_.fill_info(response);
  }
  call->Answer(status);
  return call;
}

}  // namespace odw::rpc
