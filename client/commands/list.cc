#include <CLI/CLI.hpp>

#include "client/commands/commands.h"
#include "client/output/json.h"
#include "client/output/run_text.h"

namespace odw::client {
namespace {

constexpr uint32_t kListMax = 1000;

struct ListFlags {
  std::vector<std::string> states;
  uint32_t limit = 20;
  std::string before;
};

const std::map<std::string, v1::RunState>& States() {
  static const auto* const states = new std::map<std::string, v1::RunState>{
      {"running", v1::RUNNING}, {"paused", v1::PAUSED}, {"completed", v1::COMPLETED},
      {"failed", v1::FAILED},   {"killed", v1::KILLED}, {"needs_attention", v1::NEEDS_ATTENTION}};
  return *states;
}

absl::Status RunList(Session& session, const ListFlags& flags) {
  v1::ListRunsRequest request;
  for (const std::string& state : flags.states) request.add_states(States().at(state));
  request.set_limit(flags.limit);
  request.set_before(flags.before);
  ODW_ASSIGN_OR_RETURN(const v1::ListRunsResponse runs,
                       session.Call<v1::ListRunsResponse>(
                           [&](ControlClient& client) { return client.ListRuns(request); }));
  const Console& console = session.console();
  if (console.json()) return console.PrintJson(RunsToJson(runs));
  ODW_RETURN_IF_ERROR(console.Print(RunTable(runs)));
  if (!runs.next_before().empty()) {
    console.Say("Older ones: odwctl list --before " + runs.next_before());
  }
  return absl::OkStatus();
}

}  // namespace

void AddList(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command = app.add_subcommand("list", "List runs, newest first");
  auto flags = std::make_shared<ListFlags>();
  std::vector<std::string> names;
  for (const auto& [name, state] : States()) names.push_back(name);
  command->add_option("--status", flags->states, "Only runs in these states, comma-separated")
      ->check(CLI::IsMember(names))
      ->delimiter(',');
  command->add_option("--limit", flags->limit, "How many at most")
      ->check(CLI::Range(1u, kListMax))
      ->capture_default_str();
  command->add_option("--before", flags->before, "Only runs older than this one (a run's id)");
  command->callback([flags, &session, outcome] { *outcome = RunList(session, *flags); });
}

}  // namespace odw::client
