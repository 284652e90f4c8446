#include <CLI/CLI.hpp>

#include "client/commands/commands.h"
#include "client/commands/resumption.h"
#include "client/commands/run_to_end.h"
#include "client/commands/submission.h"
#include "client/interrupt.h"

namespace odw::client {
namespace {

struct ExecFlags {
  SubmissionFlags submission;
  FollowFlags follow;
  std::string resume;  // --resume RUN
};

absl::Status RunExec(Session& session, const ExecFlags& flags) {
  ODW_ASSIGN_OR_RETURN(const Acceptance accept, AcceptanceOf(flags.follow));
  EndOnInterrupt("\nodwctl: interrupted before the daemon named a run; see odwctl list.\n");
  ODW_ASSIGN_OR_RETURN(const v1::SubmitResponse submitted,
                       flags.resume.empty() ? SubmitRun(session, flags.submission)
                                            : ResumeRun(session, {.run_id = flags.resume,
                                                                  .submission = flags.submission}));
  return RunToEnd(session, submitted, flags.follow, accept);
}

}  // namespace

void AddExec(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command = app.add_subcommand(
      "exec", "Run a workflow to its end: progress on stderr, the result on stdout");
  command->footer(
      "Needs no set-up: a private daemon is started where none runs, and ends by itself.\n"
      "Ctrl-C ends odwctl, not the run: it says how to follow the run and how to stop it.\n"
      "With --json stdout is the result value alone.\n\n"
      "  odwctl exec flow.js --backend mock\n"
      "  odwctl exec flow.js --args '{\"topic\": \"rivers\"}' --report report.html\n"
      "  odwctl exec review-changes --runtime claude        (a saved workflow)\n"
      "  echo 'export const meta = ...' | odwctl exec - --json");
  auto flags = std::make_shared<ExecFlags>();
  AddScriptFlags(command, &flags->submission);
  command->add_option(
      "--key", flags->submission.key,
      "Idempotency key: the same key with the same script and args is the same run");
  AddRunFlags(command, &flags->submission.run, session);
  AddFollowFlags(command, &flags->follow);
  command->add_option("--resume", flags->resume,
                      "Take what this ended run has done already (see odwctl resume)");
  command->callback([flags, &session, outcome] { *outcome = RunExec(session, *flags); });
}

}  // namespace odw::client
