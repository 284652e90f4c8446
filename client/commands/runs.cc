// The original's `runs list` and `runs show ID`.
#include <CLI/CLI.hpp>

#include "client/commands/commands.h"
#include "client/output/json.h"
#include "client/output/run_text.h"

namespace odw::client {
namespace {

constexpr uint32_t kListMax = 1000;
constexpr char kLatest[] = "latest";

struct RunsFlags {
  std::string run_id;
  uint32_t limit = 20;
};

absl::StatusOr<v1::ListRunsResponse> FetchRuns(Session& session, uint32_t limit) {
  v1::ListRunsRequest request;
  request.set_limit(limit);
  return session.Call<v1::ListRunsResponse>(
      [&](ControlClient& client) { return client.ListRuns(request); });
}

absl::Status ListRuns(Session& session, const RunsFlags& flags) {
  ODW_ASSIGN_OR_RETURN(const v1::ListRunsResponse runs, FetchRuns(session, flags.limit));
  const Console& console = session.console();
  return console.json() ? console.PrintJson(RunsToJson(runs)) : console.Print(RunTable(runs));
}

absl::Status ShowRun(Session& session, const RunsFlags& flags) {
  v1::GetRunRequest request;
  request.set_run_id(flags.run_id);
  if (flags.run_id == kLatest) {
    ODW_ASSIGN_OR_RETURN(const v1::ListRunsResponse runs, FetchRuns(session, 1));
    if (runs.runs_size() == 0) return absl::NotFoundError("there is no run yet");
    request.set_run_id(runs.runs(0).run_id());
  }
  request.set_with_nodes(true);
  ODW_ASSIGN_OR_RETURN(const v1::Run run, session.Call<v1::Run>([&](ControlClient& client) {
    return client.GetRun(request);
  }));
  const Console& console = session.console();
  return console.json() ? console.PrintJson(RunToJson(run)) : console.Print(RunText(run));
}

}  // namespace

void AddRuns(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* group = app.add_subcommand("runs", "Runs as the original odw names them: list, show");
  group->require_subcommand(1);
  group->footer("  odw runs list\n  odw runs show latest");
  auto flags = std::make_shared<RunsFlags>();
  CLI::App* list = group->add_subcommand("list", "The same as odwctl list");
  list->add_option("--limit", flags->limit, "How many at most")
      ->check(CLI::Range(1u, kListMax))
      ->capture_default_str();
  list->callback([flags, &session, outcome] { *outcome = ListRuns(session, *flags); });
  CLI::App* show = group->add_subcommand("show", "The same as odwctl status RUN --nodes");
  show->add_option("run", flags->run_id, "The run's id, or latest")->required();
  show->callback([flags, &session, outcome] { *outcome = ShowRun(session, *flags); });
}

}  // namespace odw::client
