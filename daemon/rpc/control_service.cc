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
constexpr size_t kReasonBytesMax = 4096;

absl::Status CheckRunId(const std::string& run_id) {
  if (IsRunId(run_id)) return absl::OkStatus();
  return absl::InvalidArgumentError("'" + run_id.substr(0, 100) + "' is not a run id (wf_...)");
}

}  // namespace

ControlService::ControlService(const ServerOptions& options, const ServerDeps& deps,
                               const Auth* auth, Hub* hub, ReadPool* pool, Activity* activity)
    : deps_(deps),
      defaults_{.limits = options.limits,
                .default_runtime = options.default_runtime,
                .default_model = options.default_model},
      data_dir_(options.data_dir),
      started_(absl::Now()),
      auth_(auth),
      hub_(hub),
      pool_(pool),
      activity_(activity) {}

absl::StatusOr<std::string> ControlService::Admit(
    const grpc::CallbackServerContext& context) const {
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

// ---- Submit and Stop: through the core.

grpc::ServerUnaryReactor* ControlService::Submit(grpc::CallbackServerContext* context,
                                                 const v1::SubmitRequest* request,
                                                 v1::SubmitResponse* response) {
  auto* call = new UnaryCall(activity_);
  absl::StatusOr<std::string> owner = Admit(*context);
  absl::Status status = owner.status();
  if (status.ok()) status = CheckSubmit(*request, defaults_.limits);
  if (!status.ok()) {
    call->Answer(status);
    return call;
  }
  v1::script::LoadRequest load;
  load.set_script_name(ScriptNameOf(*request));
  load.set_source(request->script());
  load.set_dialect(request->dialect());
  const Submission submission{
      .call = call, .request = request, .response = response, .owner = *owner};
  deps_.loader->Load(std::move(load),
                     [this, submission](absl::StatusOr<v1::script::LoadReply> reply) {
                       OnLoaded(submission, std::move(reply));
                     });
  return call;
}

void ControlService::OnLoaded(const Submission& submission,
                              absl::StatusOr<v1::script::LoadReply> reply) {
  const v1::SubmitRequest& request = *submission.request;
  if (!reply.ok()) {
    return submission.call->Answer(Annotate(reply.status(), "checking the script"));
  }
  if (!reply->ok()) {
    return submission.call->Answer(
        absl::InvalidArgumentError(DescribeProblems(*reply, ScriptNameOf(request))));
  }
  for (const v1::script::Problem& problem : reply->problems()) {
    if (problem.warning()) submission.response->add_warnings(problem.message());
  }
  core::Submit submit;
  submit.header = MakeHeader(request, *reply, defaults_,
                             deps_.versions ? deps_.versions() : v1::Versions(), submission.owner);
  submit.source = request.script();
  if (request.has_args_json()) submit.args_json = request.args_json();
  if (request.idempotency_key().empty()) return PostSubmit(submission, std::move(submit));
  // The loader's thread must not wait for the disk.
  pool_->Post([this, submission, submit = std::move(submit)]() mutable {
    auto holder = deps_.journal->FindByKey(submission.owner, submission.request->idempotency_key());
    if (!holder.ok() && !absl::IsNotFound(holder.status()))
      return submission.call->Answer(holder.status());
    if (holder.ok()) submit.holder_of_key = *std::move(holder);
    PostSubmit(submission, std::move(submit));
  });
}

void ControlService::PostSubmit(const Submission& submission, core::Submit submit) {
  PostAndWait(
      submission.call,
      [&](core::RequestId id) {
        submit.request = id;
        return core::Input(std::move(submit));
      },
      [submission](core::Reply reply) {
        submission.response->set_run_id(reply.run_id);
        submission.response->set_existing(reply.existing);
        submission.call->Answer(reply.status);
      });
}

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

grpc::ServerUnaryReactor* ControlService::Stop(grpc::CallbackServerContext* context,
                                               const v1::StopRequest* request,
                                               v1::StopResponse* response) {
  auto* call = new UnaryCall(activity_);
  const absl::StatusOr<std::string> owner = Admit(*context);
  absl::Status status = owner.status();
  if (status.ok()) status = CheckRunId(request->run_id());
  if (status.ok() && request->reason().size() > kReasonBytesMax) {
    status = absl::InvalidArgumentError("a reason has at most " + std::to_string(kReasonBytesMax) +
                                        " bytes");
  }
  if (!status.ok()) {
    call->Answer(status);
    return call;
  }
  const auto answer = [this, call, request, response, owner = *owner] {
    absl::StatusOr<v1::RunSummary> summary = ReadOwn(request->run_id(), owner);
    if (summary.ok()) *response->mutable_run() = model::RunFromSummary(*summary);
    call->Answer(summary.status());
  };
  PostAndWait(
      call,
      [&](core::RequestId id) {
        return core::Input(core::StopRun{.request = id,
                                         .run_id = request->run_id(),
                                         .owner = *owner,
                                         .reason = request->reason()});
      },
      [this, call, answer](core::Reply reply) {
        if (!reply.status.ok()) return call->Answer(reply.status);
        pool_->Post(answer);
      });
  return call;
}

// ---- Reads: from the committed view.

grpc::ServerUnaryReactor* ControlService::GetRun(grpc::CallbackServerContext* context,
                                                 const v1::GetRunRequest* request,
                                                 v1::Run* response) {
  auto* call = new UnaryCall(activity_);
  absl::StatusOr<std::string> owner = Admit(*context);
  if (!owner.ok()) {
    call->Answer(owner.status());
    return call;
  }
  pool_->Post([this, call, request, response, owner = *std::move(owner)] {
    call->Answer(FillRun(*request, owner, response));
  });
  return call;
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
  if (out->ByteSizeLong() <= kRunBytesMax) return absl::OkStatus();
  for (v1::Node& node : *out->mutable_node()) {
    node.mutable_prompt()->clear_inline_();
    node.mutable_result()->clear_inline_();
  }
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* ControlService::ListRuns(grpc::CallbackServerContext* context,
                                                   const v1::ListRunsRequest* request,
                                                   v1::ListRunsResponse* response) {
  auto* call = new UnaryCall(activity_);
  absl::StatusOr<std::string> owner = Admit(*context);
  if (!owner.ok()) {
    call->Answer(owner.status());
    return call;
  }
  pool_->Post([this, call, request, response, owner = *std::move(owner)] {
    call->Answer(FillList(*request, owner, response));
  });
  return call;
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

grpc::ServerUnaryReactor* ControlService::GetResult(grpc::CallbackServerContext* context,
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
    grpc::CallbackServerContext* context, const v1::WatchRequest* request) {
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
    grpc::CallbackServerContext* context, const v1::ReportRequest* request) {
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

grpc::ServerUnaryReactor* ControlService::GetInfo(grpc::CallbackServerContext* context,
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
