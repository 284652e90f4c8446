#include <CLI/CLI.hpp>

#include "client/commands/commands.h"
#include "client/commands/submission.h"
#include "client/follow/follow.h"
#include "client/interrupt.h"
#include "client/output/json.h"
#include "client/output/progress.h"
#include "client/output/run_text.h"
#include "client/report_file.h"
#include "client/run_exit.h"

namespace odw::client {
namespace {

struct ExecFlags {
  SubmissionFlags submission;
  std::string report;   // --report FILE
  std::string fail_on;  // --fail-on
  bool strict_ok = false;
  bool detach = false;
  bool quiet = false;
};

absl::Status Detach(Session& session, const v1::SubmitResponse& submitted) {
  const Console& console = session.console();
  if (console.json()) return console.PrintJson(SubmitToJson(submitted));
  console.Say("follow it: odwctl watch " + submitted.run_id());
  return console.Print(submitted.run_id() + "\n");
}

absl::Status RunExec(Session& session, const ExecFlags& flags) {
  Acceptance accept{.strict_ok = flags.strict_ok};
  if (!flags.fail_on.empty()) {
    ODW_ASSIGN_OR_RETURN(accept.fail_on, ParseFailOn(flags.fail_on));
  }
  EndOnInterrupt("\nodwctl: interrupted before the daemon named a run; see odwctl list.\n");
  ODW_ASSIGN_OR_RETURN(const v1::SubmitResponse submitted, SubmitRun(session, flags.submission));
  const std::string run_id = submitted.run_id();
  EndOnInterrupt(InterruptedRunText(run_id));
  if (flags.detach) return Detach(session, submitted);

  const auto progress = MakeProgress(flags.quiet ? ProgressStyle::kNone : ProgressStyle::kAuto);
  if (submitted.existing()) progress->Note("the key names an earlier run: " + run_id);
  const absl::Status followed =
      FollowRun(session, {.run_id = run_id},
                {.on_event = [&](const v1::WatchEvent& event) { progress->OnEvent(event); },
                 .on_note = [&](const std::string& text) { progress->Note(text); }});
  progress->Finish();
  ODW_RETURN_IF_ERROR(followed);

  v1::GetResultRequest request;
  request.set_run_id(run_id);
  request.set_wait(true);
  ODW_ASSIGN_OR_RETURN(const v1::GetResultResponse result,
                       session.Call<v1::GetResultResponse>(
                           [&](ControlClient& client) { return client.GetResult(request); }));
  if (!flags.quiet) session.console().Say(RunEndLine(result.run()));
  // The result first: neither a report that cannot be written nor a verdict may lose it.
  if (result.run().state() == v1::COMPLETED) {
    ODW_RETURN_IF_ERROR(session.console().PrintValue(result.value_json()));
  }
  if (!flags.report.empty()) {
    ODW_RETURN_IF_ERROR(WriteReport(session, run_id, flags.report));
    if (!flags.quiet) session.console().Say("report: " + flags.report);
  }
  return JudgeRun(result.run(), result.value_json(), accept);
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
      "  echo 'export const meta = ...' | odwctl exec - --json");
  auto flags = std::make_shared<ExecFlags>();
  AddSubmissionFlags(command, &flags->submission);
  command->add_option("--report", flags->report, "Write the run's HTML report to this file");
  command->add_option(
      "--fail-on", flags->fail_on,
      "Exit with 3 when the run completes `degraded`, or when more than `N%` of its "
      "nodes failed");
  command->add_flag("--strict-ok", flags->strict_ok,
                    "Exit with 3 when the result is an object with ok: false");
  command->add_flag("--detach", flags->detach, "Print the run's id and leave it to the daemon");
  command->add_flag("-q,--quiet", flags->quiet, "No progress on stderr");
  command->callback([flags, &session, outcome] { *outcome = RunExec(session, *flags); });
}

}  // namespace odw::client
