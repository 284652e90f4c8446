// Calls that look and change nothing: Check, Explain, GetSource, ListWorkflows; and Repository.
#include <limits.h>
#include <unistd.h>

#include <utility>

#include "daemon/model/secret_scan.h"
#include "daemon/model/utf8.h"
#include "daemon/rpc/control_service.h"
#include "daemon/rpc/explain.h"
#include "daemon/rpc/repository_call.h"

namespace odw::rpc {
namespace {

void AddProblem(const std::string& script, size_t byte, const std::string& message,
                v1::CheckResponse* out) {
  const model::TextPlace place = model::PlaceOf(script, byte);
  v1::ScriptProblem* problem = out->add_problems();
  problem->set_line(static_cast<uint32_t>(place.line));
  problem->set_column(static_cast<uint32_t>(place.column));
  problem->set_message(message);
}

void FromLoader(const v1::script::LoadReply& reply, v1::CheckResponse* out) {
  out->set_ok(reply.ok() && out->problems_size() == 0);
  for (const v1::script::Problem& problem : reply.problems()) {
    v1::ScriptProblem* shown = out->add_problems();
    shown->set_line(problem.line());
    shown->set_column(problem.column());
    shown->set_message(problem.message());
    shown->set_source_line(problem.source_line());
    shown->set_warning(problem.warning());
  }
  out->set_name(reply.name());
  out->set_description(reply.description());
  out->set_dialect(static_cast<v1::Dialect>(reply.dialect()));
  out->set_meta_json(reply.meta_json());
}

std::string OwnHostName() {
  char name[HOST_NAME_MAX + 1] = "";
  gethostname(name, sizeof name - 1);
  return name;
}

absl::StatusOr<ExplainedRun> ReadCalls(journal::Journal* journal, const std::string& run_id) {
  ExplainedRun run;
  ODW_RETURN_IF_ERROR(journal->ReadEvents(run_id, 0, [&](uint64_t, const v1::Event& event) {
    run.Apply(event);
    return true;
  }));
  return run;
}

}  // namespace

ControlService::Unary* ControlService::Check(Context* context, const v1::CheckRequest* request,
                                             v1::CheckResponse* response) {
  auto* call = new UnaryCall(activity_);
  const absl::Status admitted = Admit(*context).status();
  if (!admitted.ok()) {
    call->Answer(admitted);
    return call;
  }
  const std::string& script = request->script();
  const absl::Status fits = CheckScript(script, defaults_.limits);
  if (!fits.ok()) {
    const model::Utf8Scan scan = model::ScanUtf8(script);
    AddProblem(script, scan.ok ? 0 : scan.bad_byte, MessageOf(fits), response);
    call->Answer(absl::OkStatus());
    return call;
  }
  if (const auto secret = model::FindSecret(script)) {
    if (secrets_ == config::SecretsRule::kRefuse) {
      AddProblem(script, secret->byte, std::string("this looks like ") + secret->kind, response);
    }
  }
  v1::script::LoadRequest load;
  load.set_script_name(request->script_name());
  load.set_source(script);
  load.set_dialect(request->dialect());
  deps_.loader->Load(std::move(load),
                     [call, response](absl::StatusOr<v1::script::LoadReply> reply) {
                       if (reply.ok()) FromLoader(*reply, response);
                       call->Answer(Annotate(reply.status(), "checking the script"));
                     });
  return call;
}

ControlService::Unary* ControlService::Explain(Context* context, const v1::NodeRequest* request,
                                               v1::ExplainResponse* response) {
  return OnPool(context, [this, request, response](const std::string& owner) -> absl::Status {
    ODW_RETURN_IF_ERROR(ReadOwn(request->run_id(), owner).status());
    ODW_ASSIGN_OR_RETURN(const ExplainedRun now, ReadCalls(deps_.journal, request->run_id()));
    absl::StatusOr<ExplainedRun> before = absl::NotFoundError("");
    const std::string& from = now.header().resumed_from();
    if (!from.empty() && ReadOwn(from, owner).ok()) before = ReadCalls(deps_.journal, from);
    const auto read_text = [this](const std::string& run_id, const v1::Blob& blob) -> std::string {
      absl::StatusOr<std::string> text = ReadValue(run_id, blob);
      return text.ok() ? *std::move(text) : "(" + MessageOf(text.status()) + ")";
    };
    ODW_ASSIGN_OR_RETURN(*response, rpc::Explain(now, before.ok() ? &*before : nullptr,
                                                 request->node(), read_text));
    return absl::OkStatus();
  });
}

ControlService::Unary* ControlService::GetSource(Context* context,
                                                 const v1::GetSourceRequest* request,
                                                 v1::GetSourceResponse* response) {
  return OnPool(context, [this, request, response](const std::string& owner) {
    return FillSource(request->run_id(), owner, response);
  });
}

absl::Status ControlService::FillSource(const std::string& run_id, const std::string& owner,
                                        v1::GetSourceResponse* out) const {
  ODW_RETURN_IF_ERROR(ReadOwn(run_id, owner).status());
  ODW_ASSIGN_OR_RETURN(const v1::RunSubmitted header, ReadHeader(run_id));
  ODW_ASSIGN_OR_RETURN(*out->mutable_script(), ReadValue(run_id, header.source()));
  out->set_script_name(header.script_name());
  out->set_script_path(header.script_path());
  if (!header.has_args_json()) return absl::OkStatus();
  ODW_ASSIGN_OR_RETURN(std::string args, ReadValue(run_id, header.args_json()));
  out->set_args_json(std::move(args));
  return absl::OkStatus();
}

ControlService::Unary* ControlService::ListWorkflows(Context* context,
                                                     const v1::ListWorkflowsRequest* request,
                                                     v1::ListWorkflowsResponse* response) {
  auto* call = new UnaryCall(activity_);
  absl::Status status = Admit(*context).status();
  if (status.ok() && !request->cwd().empty() && request->cwd()[0] != '/') {
    status = absl::InvalidArgumentError("cwd must be an absolute path, not '" + request->cwd() +
                                        "'");
  }
  if (!status.ok() || deps_.registry == nullptr) {
    call->Answer(status);
    return call;
  }
  deps_.registry->List(request->cwd(),
                       [call, response](absl::StatusOr<v1::ListWorkflowsResponse> found) {
                         if (found.ok()) *response = *std::move(found);
                         call->Answer(found.status());
                       });
  return call;
}

ControlService::Unary* ControlService::Repository(Context* context,
                                                  const v1::RepositoryRequest* request,
                                                  v1::RepositoryResponse* response) {
  auto* call = new UnaryCall(activity_);
  absl::StatusOr<std::string> owner = Admit(*context);
  if (!owner.ok()) {
    call->Answer(owner.status());
    return call;
  }
  pool_->Post([this, call, request, response, owner = *std::move(owner)] {
    absl::StatusOr<RunWorktrees::Command> made = ReadWorktrees(*request, owner);
    if (!made.ok()) return call->Answer(made.status());
    const absl::Status sent = hub_->SendRepository(
        made->executor_id, OwnHostName(), std::move(made->command),
        [call, response](absl::StatusOr<v1::RepositoryReply> reply) {
          if (reply.ok()) *response = ToResponse(*reply);
          call->Answer(reply.status());
        });
    if (!sent.ok()) call->Answer(sent);
  });
  return call;
}

absl::StatusOr<RunWorktrees::Command> ControlService::ReadWorktrees(
    const v1::RepositoryRequest& request, const std::string& owner) const {
  ODW_RETURN_IF_ERROR(ReadOwn(request.run_id(), owner).status());
  if (!v1::RepositoryRequest::Kind_IsValid(request.kind())) {
    return absl::InvalidArgumentError("unknown kind " + std::to_string(request.kind()));
  }
  RunWorktrees worktrees;
  ODW_RETURN_IF_ERROR(
      deps_.journal->ReadEvents(request.run_id(), 0, [&](uint64_t, const v1::Event& event) {
        worktrees.Apply(event);
        return true;
      }));
  return worktrees.Make(request);
}

}  // namespace odw::rpc
