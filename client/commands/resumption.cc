#include "client/commands/resumption.h"

#include "client/output/text.h"

namespace odw::client {
namespace {

absl::StatusOr<v1::ResumeRequest> MakeRequest(const Resumption& resumption) {
  const SubmissionFlags& flags = resumption.submission;
  v1::ResumeRequest request;
  request.set_run_id(resumption.run_id);
  if (!flags.file.empty()) {
    ODW_ASSIGN_OR_RETURN(Script script, ReadScript(flags.file));
    request.set_script(std::move(script.source));
    request.set_script_name(script.name);
  }
  ODW_ASSIGN_OR_RETURN(const std::optional<std::string> args, ReadArgs(flags));
  if (args) request.set_args_json(*args);
  request.set_dialect(DialectOf(flags.run));
  ODW_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(flags.run));
  request.set_mode(resumption.mode == "prefix" ? v1::RESUME_PREFIX : v1::RESUME_CONTENT);
  request.set_rebase(resumption.rebase);
  request.set_idempotency_key(flags.key.empty() ? RandomKey() : flags.key);
  return request;
}

// Before anything runs. The daemon's warning says it exactly, once it has read HEAD.
void SayCostOfRebase(Session& session, const std::string& run_id) {
  v1::GetRunRequest request;
  request.set_run_id(run_id);
  request.set_with_nodes(true);
  const absl::StatusOr<v1::Run> run =
      session.Call<v1::Run>([&](ControlClient& client) { return client.GetRun(request); });
  if (!run.ok()) return;  // the call to resume it says why
  int nodes = 0;
  uint64_t tokens = 0;
  for (const v1::Node& node : run->node()) {
    const bool reads_files = node.isolation() == "worktree" || node.runtime() == "claude" ||
                             node.runtime() == "codex";
    if (!reads_files || (node.state() != v1::NODE_DONE && node.state() != v1::NODE_CACHED)) continue;
    ++nodes;
    tokens += TotalTokens(node.usage());
  }
  session.console().Say("odwctl: --rebase: " + std::to_string(nodes) + " of " +
                        std::to_string(run->node_size()) + " nodes of " + run_id +
                        " rest on the files; where HEAD has moved they run again (" +
                        FormatCount(tokens) + " tokens then)");
}

}  // namespace

absl::StatusOr<v1::SubmitResponse> ResumeRun(Session& session, const Resumption& resumption) {
  ODW_ASSIGN_OR_RETURN(const v1::ResumeRequest request, MakeRequest(resumption));
  session.set_wish(WishOf(resumption.submission.run));
  WarnOfTornJson(session.console(), resumption.submission);
  if (resumption.rebase) SayCostOfRebase(session, resumption.run_id);
  ODW_ASSIGN_OR_RETURN(v1::SubmitResponse response,
                       session.Call<v1::SubmitResponse>(
                           [&](ControlClient& client) { return client.Resume(request); }));
  SayWarnings(session, response);
  return response;
}

}  // namespace odw::client
