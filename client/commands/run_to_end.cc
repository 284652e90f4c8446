#include "client/commands/run_to_end.h"

#include <CLI/CLI.hpp>
#include <map>

#include "client/follow/follow.h"
#include "client/interrupt.h"
#include "client/output/event_lines.h"
#include "client/output/json.h"
#include "client/output/progress.h"
#include "client/output/run_text.h"
#include "client/report_file.h"

namespace odw::client {
namespace {

absl::Status Detach(Session& session, const v1::SubmitResponse& submitted) {
  const Console& console = session.console();
  if (console.json()) return console.PrintJson(SubmitToJson(submitted));
  console.Say("follow it: odwctl watch " + submitted.run_id());
  return console.Print(submitted.run_id() + "\n");
}

absl::StatusOr<v1::GetResultResponse> FetchResult(Session& session, const std::string& run_id) {
  v1::GetResultRequest request;
  request.set_run_id(run_id);
  request.set_wait(true);
  return session.Call<v1::GetResultResponse>(
      [&](ControlClient& client) { return client.GetResult(request); });
}

// Where the calls of a run were made. Its nodes are read again for one that is not known yet: calls
// that were made at once cost one reading.
class Scopes {
 public:
  Scopes(Session& session, std::string run_id) : session_(session), run_id_(std::move(run_id)) {}

  std::string Of(uint64_t ordinal) {
    if (!of_.contains(ordinal)) Read();
    return of_[ordinal];
  }

 private:
  void Read() {
    v1::GetRunRequest request;
    request.set_run_id(run_id_);
    request.set_with_nodes(true);
    const absl::StatusOr<ControlClient*> client = session_.Client();
    if (!client.ok()) return;
    const absl::StatusOr<v1::Run> run = (*client)->GetRun(request);
    if (!run.ok()) return;  // its combinators are not told; the events are
    for (const v1::Node& node : run->node()) of_[node.ordinal()] = node.scope();
  }

  Session& session_;
  const std::string run_id_;
  std::map<uint64_t, std::string> of_;
};

// Events as lines on stdout, the last one with the result.
absl::StatusOr<v1::GetResultResponse> PrintEvents(Session& session, const std::string& run_id,
                                                  EventNames names) {
  const Console& console = session.console();
  Scopes scopes(session, run_id);
  EventLines lines(names, run_id, [&](uint64_t ordinal) { return scopes.Of(ordinal); });
  absl::Status printed;
  const auto print = [&](const std::vector<std::string>& list) {
    for (const std::string& line : list) {
      if (printed.ok()) printed = console.PrintJson(line);
    }
  };
  ODW_RETURN_IF_ERROR(
      FollowRun(session, {.run_id = run_id},
                {.on_event = [&](const v1::WatchEvent& event) { print(lines.Of(event)); },
                 .on_note = [&](const std::string& text) { console.Say("odwctl: " + text); }}));
  ODW_ASSIGN_OR_RETURN(v1::GetResultResponse result, FetchResult(session, run_id));
  print(lines.End(result));
  ODW_RETURN_IF_ERROR(printed);
  return result;
}

absl::StatusOr<v1::GetResultResponse> ShowProgress(Session& session,
                                                   const v1::SubmitResponse& submitted,
                                                   const FollowFlags& flags) {
  const std::string& run_id = submitted.run_id();
  const auto progress = MakeProgress(flags.quiet ? ProgressStyle::kNone : ProgressStyle::kAuto);
  if (submitted.existing()) progress->Note("the key names an earlier run: " + run_id);
  const absl::Status followed =
      FollowRun(session, {.run_id = run_id},
                {.on_event = [&](const v1::WatchEvent& event) { progress->OnEvent(event); },
                 .on_note = [&](const std::string& text) { progress->Note(text); }});
  progress->Finish();
  ODW_RETURN_IF_ERROR(followed);
  ODW_ASSIGN_OR_RETURN(v1::GetResultResponse result, FetchResult(session, run_id));
  if (!flags.quiet) session.console().Say(RunEndLine(result.run()));
  // The result first: neither a report that cannot be written nor a verdict may lose it.
  if (result.run().state() == v1::COMPLETED) {
    ODW_RETURN_IF_ERROR(session.console().PrintValue(result.value_json()));
  }
  return result;
}

}  // namespace

void AddFollowFlags(CLI::App* command, FollowFlags* flags) {
  command->add_option("--report", flags->report, "Write the run's HTML report to this file");
  command->add_option(
      "--fail-on", flags->fail_on,
      "Exit with 3 when the run completes `degraded`, or when more than `N%` of its "
      "nodes failed");
  command->add_flag("--strict-ok", flags->strict_ok,
                    "Exit with 3 when the result is an object with ok: false");
  command
      ->add_option("--events", flags->events,
                   "Events as JSON lines on stdout, the last with the result: odwd's (as `watch "
                   "--json`) or under the original's names (odw)")
      ->check(CLI::IsMember({"odwd", "odw"}));
  command->add_flag("--detach", flags->detach, "Print the run's id and leave it to the daemon");
  command->add_flag("-q,--quiet", flags->quiet, "No progress on stderr");
}

absl::StatusOr<Acceptance> AcceptanceOf(const FollowFlags& flags) {
  Acceptance accept{.strict_ok = flags.strict_ok};
  if (!flags.fail_on.empty()) {
    ODW_ASSIGN_OR_RETURN(accept.fail_on, ParseFailOn(flags.fail_on));
  }
  return accept;
}

absl::Status RunToEnd(Session& session, const v1::SubmitResponse& submitted,
                      const FollowFlags& flags, const Acceptance& accept) {
  EndOnInterrupt(InterruptedRunText(submitted.run_id()));
  if (flags.detach) return Detach(session, submitted);
  const EventNames names = flags.events == "odw" ? EventNames::kOriginal : EventNames::kOdwd;
  ODW_ASSIGN_OR_RETURN(const v1::GetResultResponse result,
                       flags.events.empty() ? ShowProgress(session, submitted, flags)
                                            : PrintEvents(session, submitted.run_id(), names));
  if (!flags.report.empty()) {
    ODW_RETURN_IF_ERROR(WriteReport(session, submitted.run_id(), flags.report));
    if (!flags.quiet) session.console().Say("report: " + flags.report);
  }
  return JudgeRun(result.run(), result.value_json(), accept);
}

}  // namespace odw::client
