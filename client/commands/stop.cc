#include <CLI/CLI.hpp>

#include "client/commands/commands.h"
#include "client/output/json.h"
#include "client/output/run_text.h"

namespace odw::client {
namespace {

struct StopFlags {
  std::string run_id;
  std::string reason;
};

absl::Status RunStop(Session& session, const StopFlags& flags) {
  v1::StopRequest request;
  request.set_run_id(flags.run_id);
  request.set_reason(flags.reason);
  ODW_ASSIGN_OR_RETURN(
      const v1::StopResponse response,
      session.Call<v1::StopResponse>([&](ControlClient& client) { return client.Stop(request); }));
  const Console& console = session.console();
  if (console.json()) return console.PrintJson(RunToJson(response.run()));
  return console.Print(RunEndLine(response.run()) + "\n");
}

}  // namespace

void AddStop(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command =
      app.add_subcommand("stop", "Stop a run: its nodes are cancelled, its results kept");
  command->alias("cancel");
  command->footer("A stopped run can be resumed.\n\n"
                  "  odwctl stop wf_1072dc96-6a2b4f01 --reason 'wrong args'");
  auto flags = std::make_shared<StopFlags>();
  command->add_option("run", flags->run_id, "The run's id")->required();
  command->add_option("--reason", flags->reason, "Why, for the run's record");
  command->callback([flags, &session, outcome] { *outcome = RunStop(session, *flags); });
}

}  // namespace odw::client
