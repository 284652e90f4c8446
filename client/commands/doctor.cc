#include <CLI/CLI.hpp>

#include "client/commands/commands.h"
#include "client/doctor/checks.h"

namespace odw::client {
namespace {

absl::Status RunDoctor(Session& session) {
  const std::vector<Check> checks = RunChecks(session);
  const Console& console = session.console();
  ODW_RETURN_IF_ERROR(console.json() ? console.PrintJson(ChecksToJson(checks))
                                     : console.Print(ChecksText(checks)));
  for (const Check& check : checks) {
    if (check.verdict != Verdict::kBad) continue;
    return FailureStatus(
        {ExitCode::kUnavailable, "unhealthy", check.name + ": " + check.finding, check.next_step});
  }
  return absl::OkStatus();
}

}  // namespace

void AddDoctor(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command = app.add_subcommand(
      "doctor", "Check what odwctl needs: binaries, state folder, daemon, journal, executors");
  command->footer("Starts nothing. Exit code 4 when something is broken.");
  command->callback([&session, outcome] { *outcome = RunDoctor(session); });
}

}  // namespace odw::client
