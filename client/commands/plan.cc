#include <CLI/CLI.hpp>
#include <map>

#include "client/arguments.h"
#include "client/commands/commands.h"
#include "client/commands/submission.h"
#include "client/follow/follow.h"
#include "client/interrupt.h"
#include "client/plan/estimate.h"
#include "client/report_file.h"
#include "client/run_exit.h"

namespace odw::client {
namespace {

constexpr size_t kPricesBytesMax = 1 << 20;
constexpr uint32_t kOldPlansMax = 20;

struct PlanFlags {
  SubmissionFlags submission;
  std::string prices;
  std::string report;
  bool keep = false;
};

struct Asked {
  std::string runtime;  // empty: the call named none
  std::string model;
};

// The mock answers under its own name: what was asked for stands in the call's event.
void TakeAsked(const std::map<uint64_t, Asked>& asked, v1::Run* run) {
  for (v1::Node& node : *run->mutable_node()) {
    const auto found = asked.find(node.ordinal());
    if (found == asked.end()) continue;
    node.set_runtime(found->second.runtime);
    node.set_model(found->second.model);
  }
}

// The run with its nodes, once it has ended.
absl::StatusOr<v1::Run> DryRun(Session& session, const PlanFlags& flags) {
  ODW_ASSIGN_OR_RETURN(const v1::SubmitResponse submitted, SubmitRun(session, flags.submission));
  EndOnInterrupt(InterruptedRunText(submitted.run_id()));
  std::map<uint64_t, Asked> asked;
  ODW_RETURN_IF_ERROR(FollowRun(
      session, {.run_id = submitted.run_id()},
      {.on_event =
           [&](const v1::WatchEvent& event) {
             const v1::NodeChanged& node = event.node();
             if (node.state() != v1::NODE_QUEUED) return;
             asked.try_emplace(node.ordinal(),
                               Asked{.runtime = node.runtime(), .model = node.model()});
           },
       .on_note = [&](const std::string& text) { session.console().Say("odwctl: " + text); }}));
  v1::GetRunRequest request;
  request.set_run_id(submitted.run_id());
  request.set_with_nodes(true);
  ODW_ASSIGN_OR_RETURN(v1::Run run, session.Call<v1::Run>([&](ControlClient& client) {
    return client.GetRun(request);
  }));
  TakeAsked(asked, &run);
  return run;
}

// A dry run is nobody's run: it gets a daemon of its own, whose list no one looks at. What earlier
// plans left there goes.
absl::Status UseOwnDaemon(Session& session) {
  ODW_ASSIGN_OR_RETURN(const StateFolder folder, session.Folder());
  session.flags().state = folder.root + "/plan";
  session.set_wish({.runtimes = {"mock"}});
  v1::ListRunsRequest list;
  list.set_limit(kOldPlansMax);
  ODW_ASSIGN_OR_RETURN(const v1::ListRunsResponse old,
                       session.Call<v1::ListRunsResponse>(
                           [&](ControlClient& client) { return client.ListRuns(list); }));
  for (const v1::Run& run : old.runs()) {
    v1::DeleteRequest request;
    request.set_run_id(run.run_id());
    // One that just ended, or is another plan's, stays for the next time.
    (void)session.CallOnce<v1::DeleteResponse>(
        [&](ControlClient& client) { return client.Delete(request); });
  }
  return absl::OkStatus();
}

absl::Status RunPlan(Session& session, PlanFlags flags) {
  if (!flags.submission.run.backend.empty() && flags.submission.run.backend != "mock") {
    return UsageError(
        "a plan runs on the mock alone, not on --backend " + flags.submission.run.backend,
        "Leave --backend out; --runtime says where calls that name none would go.");
  }
  Prices prices;
  if (!flags.prices.empty()) {
    ODW_ASSIGN_OR_RETURN(const std::string json,
                         ReadInput(flags.prices, kPricesBytesMax, "price file"));
    ODW_RETURN_IF_ERROR(prices.AddJson(json));
  }
  const std::string runtime = std::move(flags.submission.run.runtime);
  flags.submission.run.runtime.clear();  // its executor is not needed
  flags.submission.run.backend = "mock";
  if (session.uses_private_daemon() && !flags.keep) ODW_RETURN_IF_ERROR(UseOwnDaemon(session));
  ODW_ASSIGN_OR_RETURN(const v1::Run run, DryRun(session, flags));
  const Plan plan = EstimatePlan(run, prices, {.default_runtime = runtime});
  const Console& console = session.console();
  ODW_RETURN_IF_ERROR(console.json() ? console.PrintJson(PlanToJson(run, plan))
                                     : console.Print(PlanText(run, plan)));
  if (!flags.report.empty()) {
    ODW_RETURN_IF_ERROR(WriteReport(session, run.run_id(), flags.report));
  }
  return JudgeRun(run, "null", {});
}

}  // namespace

void AddPlan(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command = app.add_subcommand(
      "plan",
      "A dry run on the mock: nodes by phase and model as asked, and a range of tokens and cost");
  command->footer(
      "Nothing is spent: every call, command nodes included, is answered by the mock, in a "
      "private\n"
      "daemon of its own (with --daemon: there). The numbers rest on assumptions that are printed\n"
      "with them.\n\n"
      "  odwctl plan flow.js --args '{\"topic\": \"rivers\"}' --runtime claude --model opus\n"
      "  odwctl plan flow.js --prices prices.json --report plan.html --json");
  auto flags = std::make_shared<PlanFlags>();
  AddScriptFlags(command, &flags->submission);
  AddRunFlags(command, &flags->submission.run, session);
  command->add_option("--prices", flags->prices,
                      "JSON file: {\"MODEL\": {\"currency\", \"input\", \"cached\", \"output\"}}, "
                      "for a million tokens");
  command->add_option("--report", flags->report, "Write the dry run's HTML report to this file");
  command->add_flag("--keep", flags->keep, "Keep the dry run in the list of runs");
  command->callback([flags, &session, outcome] { *outcome = RunPlan(session, *flags); });
}

}  // namespace odw::client
