#include "client/commands/resumption.h"

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

}  // namespace

absl::StatusOr<v1::SubmitResponse> ResumeRun(Session& session, const Resumption& resumption) {
  ODW_ASSIGN_OR_RETURN(const v1::ResumeRequest request, MakeRequest(resumption));
  session.set_wish(WishOf(resumption.submission.run));
  ODW_ASSIGN_OR_RETURN(v1::SubmitResponse response,
                       session.Call<v1::SubmitResponse>(
                           [&](ControlClient& client) { return client.Resume(request); }));
  SayWarnings(session, response);
  return response;
}

}  // namespace odw::client
