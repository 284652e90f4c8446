#include <CLI/CLI.hpp>

#include "client/commands/commands.h"
#include "client/output/json.h"
#include "client/output/run_text.h"

namespace odw::client {
namespace {

struct StatusFlags {
  std::string run_id;
  bool nodes = false;
};

absl::Status RunStatus(Session& session, const StatusFlags& flags) {
  v1::GetRunRequest request;
  request.set_run_id(flags.run_id);
  request.set_with_nodes(flags.nodes);
  ODW_ASSIGN_OR_RETURN(const v1::Run run, session.Call<v1::Run>([&](ControlClient& client) {
    return client.GetRun(request);
  }));
  const Console& console = session.console();
  return console.json() ? console.PrintJson(RunToJson(run)) : console.Print(RunText(run));
}

}  // namespace

void AddStatus(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command =
      app.add_subcommand("status", "Show one run: state, health, what it waits for");
  auto flags = std::make_shared<StatusFlags>();
  command->add_option("run", flags->run_id, "The run's id")->required();
  command->add_flag("--nodes", flags->nodes, "Also a line a node, and the last log lines");
  command->callback([flags, &session, outcome] { *outcome = RunStatus(session, *flags); });
}

}  // namespace odw::client
