// Submit and Resume. One chain of steps: where the source comes from (the request, a saved workflow, the
// run that is resumed), the script's check, what surrounds the run, and the core, which answers when
// the run is durable.
#include <optional>
#include <utility>

#include "daemon/model/run_view.h"
#include "daemon/rpc/control_service.h"

namespace odw::rpc {
namespace {

constexpr size_t kCommitCharsShown = 12;

}  // namespace

struct ControlService::Submission {
  UnaryCall* call = nullptr;
  v1::SubmitResponse* response = nullptr;
  std::string owner;
  v1::SubmitRequest request;  // completed on the way
  std::optional<ResumedRun> resumed;
  core::Submit submit;
};

ControlService::Unary* ControlService::Submit(Context* context, const v1::SubmitRequest* request,
                                              v1::SubmitResponse* response) {
  auto* call = new UnaryCall(activity_);
  absl::StatusOr<std::string> owner = Admit(*context);
  absl::Status status = owner.status();
  if (status.ok()) status = CheckSubmit(*request, defaults_.limits);
  if (!status.ok()) {
    call->Answer(status);
    return call;
  }
  const auto submission = std::make_shared<Submission>(Submission{
      .call = call, .response = response, .owner = *std::move(owner), .request = *request});
  if (request->workflow().empty()) {
    LoadScript(submission);
  } else {
    FindSource(submission);
  }
  return call;
}

void ControlService::FindSource(const SubmissionPtr& submission) {
  if (deps_.registry == nullptr) {
    return submission->call->Answer(absl::NotFoundError("this odwd looks no workflows up"));
  }
  const v1::SubmitRequest& request = submission->request;
  deps_.registry->Find({.cwd = request.options().cwd(),
                        .name = request.workflow(),
                        .dialect = request.dialect()},
                       [this, submission](absl::StatusOr<model::FoundWorkflow> found) {
                         if (!found.ok()) return submission->call->Answer(found.status());
                         submission->request.set_script(std::move(found->source));
                         submission->request.set_script_path(found->path);
                         submission->request.set_script_name(
                             found->path.substr(found->path.rfind('/') + 1));
                         LoadScript(submission);
                       });
}

void ControlService::LoadScript(const SubmissionPtr& submission) {
  const v1::SubmitRequest& request = submission->request;
  absl::Status status = CheckScript(request.script(), defaults_.limits);
  if (status.ok() && secrets_ == config::SecretsRule::kRefuse) status = CheckSecrets(request);
  if (!status.ok()) return submission->call->Answer(status);
  v1::script::LoadRequest load;
  load.set_script_name(ScriptNameOf(request));
  load.set_source(request.script());
  load.set_dialect(request.dialect());
  deps_.loader->Load(std::move(load),
                     [this, submission](absl::StatusOr<v1::script::LoadReply> reply) {
                       OnLoaded(submission, std::move(reply));
                     });
}

void ControlService::OnLoaded(const SubmissionPtr& submission,
                              absl::StatusOr<v1::script::LoadReply> reply) {
  const v1::SubmitRequest& request = submission->request;
  if (!reply.ok()) {
    return submission->call->Answer(Annotate(reply.status(), "checking the script"));
  }
  if (!reply->ok()) {
    return submission->call->Answer(
        absl::InvalidArgumentError(DescribeProblems(*reply, ScriptNameOf(request))));
  }
  for (const v1::script::Problem& problem : reply->problems()) {
    if (problem.warning()) submission->response->add_warnings(problem.message());
  }
  submission->submit.header = MakeHeader(
      request, *reply, defaults_, deps_.versions ? deps_.versions() : v1::Versions(),
      submission->owner, submission->resumed ? &*submission->resumed : nullptr);
  // The loader's thread must not wait for the disk.
  pool_->Post([this, submission] {
    const absl::Status status = Survey(submission.get());
    if (!status.ok()) return submission->call->Answer(status);
    PostSubmit(submission);
  });
}

// How many results of the resumed run another base makes useless, since they rest on its files: the
// same nodes as core/reuse_key.cc says.
absl::StatusOr<std::string> ControlService::DescribeRebase(const ResumedRun& resumed,
                                                           const std::string& head) const {
  const std::string& base = resumed.header.base_commit();
  if (head.empty()) return "--rebase: the run's folder is in no repository with a commit";
  const std::string at = "--rebase: HEAD is " + head.substr(0, kCommitCharsShown);
  if (head == base) return at + ", as it was for " + resumed.header.run_id() + ": it costs nothing";
  model::RunView view;
  ODW_RETURN_IF_ERROR(deps_.journal->ReadEvents(resumed.header.run_id(), 0,
                                                [&](uint64_t seq, const v1::Event& event) {
                                                  view.Apply(seq, event);
                                                  return true;
                                                }));
  int nodes = 0;
  uint64_t tokens = 0;
  const v1::Run old = view.Build();
  for (const v1::Node& node : old.node()) {
    const bool reads = node.isolation() == "worktree" || node.runtime() == "claude" ||
                       node.runtime() == "codex";
    if (!reads || (node.state() != v1::NODE_DONE && node.state() != v1::NODE_CACHED)) continue;
    ++nodes;
    tokens += model::TokensOf(node.usage());
  }
  const std::string was = base.empty() ? "no commit" : base.substr(0, kCommitCharsShown);
  return at + ", and " + resumed.header.run_id() + " began with " + was + ": " +
         std::to_string(nodes) + (nodes == 1 ? " node that rests" : " nodes that rest") +
         " on the files " + (nodes == 1 ? "runs" : "run") + " again (" + std::to_string(tokens) +
         " tokens then)";
}

// What the run takes from around it: agent files, HEAD, the results that it may reuse, its key's holder.
absl::Status ControlService::Survey(Submission* submission) {
  core::Submit& submit = submission->submit;
  v1::RunSubmitted& header = submit.header;
  if (deps_.registry != nullptr && !header.settings().cwd().empty()) {
    model::Surroundings around = deps_.registry->Survey(header.settings().cwd());
    for (v1::AgentDefinition& agent : around.agents) *header.add_agents() = std::move(agent);
    header.set_base_commit(around.base_commit);
    for (std::string& warning : around.warnings) {
      submission->response->add_warnings(std::move(warning));
    }
  }
  if (submission->resumed) {
    const ResumedRun& resumed = *submission->resumed;
    const std::string& old_base = resumed.header.base_commit();
    if (resumed.rebase) {
      ODW_ASSIGN_OR_RETURN(*submission->response->add_warnings(),
                           DescribeRebase(resumed, header.base_commit()));
    } else if (!old_base.empty()) {
      header.set_base_commit(old_base);
    }
    if (deps_.read_reusable) {
      ODW_ASSIGN_OR_RETURN(submit.reusable, deps_.read_reusable(header.resumed_from()));
    }
  }
  if (!header.idempotency_key().empty()) {
    auto holder = deps_.journal->FindByKey(submission->owner, header.idempotency_key());
    if (!holder.ok() && !absl::IsNotFound(holder.status())) return holder.status();
    if (holder.ok()) submit.holder_of_key = *std::move(holder);
  }
  submit.source = std::move(*submission->request.mutable_script());
  if (submission->request.has_args_json()) {
    submit.args_json = std::move(*submission->request.mutable_args_json());
  }
  return absl::OkStatus();
}

void ControlService::PostSubmit(const SubmissionPtr& submission) {
  PostAndWait(
      submission->call,
      [&](core::RequestId id) {
        submission->submit.request = id;
        return core::Input(std::move(submission->submit));
      },
      [submission](core::Reply reply) {
        submission->response->set_run_id(reply.run_id);
        submission->response->set_existing(reply.existing);
        submission->call->Answer(reply.status);
      });
}

ControlService::Unary* ControlService::Resume(Context* context, const v1::ResumeRequest* request,
                                              v1::SubmitResponse* response) {
  auto* call = new UnaryCall(activity_);
  absl::StatusOr<std::string> owner = Admit(*context);
  if (!owner.ok()) {
    call->Answer(owner.status());
    return call;
  }
  const auto submission = std::make_shared<Submission>(
      Submission{.call = call, .response = response, .owner = *std::move(owner)});
  pool_->Post([this, submission, request] {
    const absl::Status status = ReadResumed(*request, submission.get());
    if (!status.ok()) return submission->call->Answer(status);
    LoadScript(submission);
  });
  return call;
}

absl::Status ControlService::ReadResumed(const v1::ResumeRequest& request,
                                         Submission* submission) const {
  ODW_ASSIGN_OR_RETURN(const v1::RunSummary summary, ReadOwn(request.run_id(), submission->owner));
  if (!model::IsEnded(summary.state())) {
    return absl::FailedPreconditionError("run " + request.run_id() +
                                         " is still running: stop it first");
  }
  if (!v1::ResumeMode_IsValid(request.mode())) {
    return absl::InvalidArgumentError("unknown resume mode " + std::to_string(request.mode()));
  }
  ResumedRun resumed{.mode = request.mode(),
                     .rebase = request.rebase(),
                     .new_args = request.has_args_json()};
  ODW_ASSIGN_OR_RETURN(resumed.header, ReadHeader(request.run_id()));
  std::string source, args;
  if (request.script().empty()) {
    ODW_ASSIGN_OR_RETURN(source, ReadValue(request.run_id(), resumed.header.source()));
  }
  const bool has_args = resumed.header.has_args_json();
  if (has_args && !request.has_args_json()) {
    ODW_ASSIGN_OR_RETURN(args, ReadValue(request.run_id(), resumed.header.args_json()));
  }
  submission->request =
      SubmitOfResume(request, resumed.header, std::move(source), has_args ? &args : nullptr);
  submission->resumed = std::move(resumed);
  return CheckSubmit(submission->request, defaults_.limits);
}

}  // namespace odw::rpc
