#include <CLI/CLI.hpp>

#include "client/commands/commands.h"
#include "daemon/base/canonical_json.h"

namespace odw::client {
namespace {

absl::Status RunDelete(Session& session, const std::string& run_id) {
  v1::DeleteRequest request;
  request.set_run_id(run_id);
  ODW_RETURN_IF_ERROR(session
                          .CallOnce<v1::DeleteResponse>(
                              [&](ControlClient& client) { return client.Delete(request); })
                          .status());
  const Console& console = session.console();
  if (console.json()) return console.PrintJson("{\"deleted\":" + JsonQuote(run_id) + "}");
  return console.Print("deleted " + run_id + "\n");
}

}  // namespace

void AddDelete(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command =
      app.add_subcommand("delete", "Delete an ended run: its journal, results and script");
  command->footer(
      "Refused (exit code 6) while the run, or one that resumes it, is open. Branches "
      "of worktrees stay in their repository.\n\n"
      "  odwctl delete wf_1072dc96-6a2b4f01");
  auto run_id = std::make_shared<std::string>();
  command->add_option("run", *run_id, "The run's id")->required();
  command->callback([run_id, &session, outcome] { *outcome = RunDelete(session, *run_id); });
}

}  // namespace odw::client
