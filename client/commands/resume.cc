#include <CLI/CLI.hpp>

#include "client/commands/commands.h"
#include "client/commands/resumption.h"
#include "client/commands/run_to_end.h"
#include "client/failure.h"
#include "client/interrupt.h"

namespace odw::client {
namespace {

struct ResumeFlags {
  Resumption resumption;
  FollowFlags follow;
  bool failed = false;  // rerun --failed
};

absl::Status Resume(Session& session, const ResumeFlags& flags) {
  ODW_ASSIGN_OR_RETURN(const Acceptance accept, AcceptanceOf(flags.follow));
  EndOnInterrupt("\nodwctl: interrupted before the daemon named a run; see odwctl list.\n");
  ODW_ASSIGN_OR_RETURN(const v1::SubmitResponse submitted, ResumeRun(session, flags.resumption));
  if (!flags.follow.quiet && !session.console().json()) {
    session.console().Say("odwctl: run " + submitted.run_id() + " resumes " +
                          flags.resumption.run_id);
  }
  return RunToEnd(session, submitted, flags.follow, accept);
}

// A node that failed or was skipped has no result to be reused, nor has one that never ran.
absl::Status CheckSomethingFailed(const v1::Run& run) {
  if (run.state() == v1::RUNNING || run.state() == v1::PAUSED) {
    return FailureStatus({ExitCode::kRefused, "still_running",
                          "run " + run.run_id() + " has not ended, so its failures are not known",
                          "Stop it or wait: odwctl watch " + run.run_id()});
  }
  const v1::NodeCounts& nodes = run.nodes();
  if (run.state() == v1::COMPLETED && nodes.failed() + nodes.skipped() + nodes.cancelled() == 0) {
    return FailureStatus({ExitCode::kRefused, "nothing_failed",
                          "no node of run " + run.run_id() + " failed: there is nothing to rerun",
                          "To run all of it again submit its script: odwctl workflows save " +
                              run.run_id() + ", or odwctl resume with another script or args."});
  }
  return absl::OkStatus();
}

absl::Status Rerun(Session& session, const ResumeFlags& flags) {
  if (!flags.failed) {
    return UsageError("rerun was not told what to run again",
                      "Say --failed: what succeeded is kept, the rest runs again.");
  }
  v1::GetRunRequest request;
  request.set_run_id(flags.resumption.run_id);
  ODW_ASSIGN_OR_RETURN(const v1::Run run, session.Call<v1::Run>([&](ControlClient& client) {
    return client.GetRun(request);
  }));
  ODW_RETURN_IF_ERROR(CheckSomethingFailed(run));
  return Resume(session, flags);
}

}  // namespace

void AddResume(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command = app.add_subcommand(
      "resume", "A new run that takes what an ended one has done, and runs the rest");
  command->footer(
      "Script, args and options are those of the run unless flags say otherwise. `content` reuses\n"
      "each call whose request is unchanged, wherever it stands; `prefix` reuses up to the first\n"
      "call that changed and runs everything from there on. Failed and skipped calls run again.\n"
      "Follows the new run as exec does; --detach prints its id.\n\n"
      "  odwctl resume wf_1072dc96-6a2b4f01\n"
      "  odwctl resume wf_1072dc96-6a2b4f01 --script flow.js --args '{\"deep\": true}'\n"
      "  odwctl explain NEW_RUN n7        (why n7 was reused, or was not)");
  auto flags = std::make_shared<ResumeFlags>();
  Resumption& resumption = flags->resumption;
  command->add_option("run", resumption.run_id, "The run that is resumed")->required();
  command->add_option("--script", resumption.submission.file, "Another version of its script");
  auto* args = command->add_option("--args,--input", resumption.submission.args,
                                   "Other args: JSON, or else taken as a plain string");
  command
      ->add_option("--args-file,--input-file", resumption.submission.args_file,
                   "The same from a file; - reads stdin")
      ->excludes(args);
  command->add_option("--resume-mode", resumption.mode, "What is reused (default: content)")
      ->check(CLI::IsMember({"content", "prefix"}));
  command->add_flag("--rebase", resumption.rebase,
                    "Worktrees start from HEAD, not from the base of the run that is resumed");
  command->add_option("--key", resumption.submission.key,
                      "Idempotency key: the same key names the same new run");
  AddRunFlags(command, &resumption.submission.run, session);
  AddFollowFlags(command, &flags->follow);
  command->callback([flags, &session, outcome] { *outcome = Resume(session, *flags); });
}

void AddRerun(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command = app.add_subcommand(
      "rerun", "Run an ended run's failures again: a resume with the same script and args");
  command->footer(
      "Refused (exit code 6) when nothing failed. Follows the new run as exec does.\n\n"
      "  odwctl rerun wf_1072dc96-6a2b4f01 --failed");
  auto flags = std::make_shared<ResumeFlags>();
  command->add_option("run", flags->resumption.run_id, "The run whose failures run again")
      ->required();
  command->add_flag("--failed", flags->failed, "What succeeded is kept, the rest runs again");
  AddFollowFlags(command, &flags->follow);
  command->callback([flags, &session, outcome] { *outcome = Rerun(session, *flags); });
}

}  // namespace odw::client
