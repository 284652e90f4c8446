#include <CLI/CLI.hpp>
#include <memory>

#include "client/commands/commands.h"
#include "client/doctor/checks.h"

namespace odw::client {
namespace {

absl::Status RunDoctor(Session& session, const DoctorWish& wish) {
  const DoctorReport report = RunChecks(session, wish);
  const Console& console = session.console();
  ODW_RETURN_IF_ERROR(console.json() ? console.PrintJson(ReportToJson(report))
                                     : console.Print(ChecksText(report.checks)));
  for (const Check& check : report.checks) {
    if (check.verdict != Verdict::kBad) continue;
    return FailureStatus(
        {ExitCode::kRunFailed, "unhealthy", check.name + ": " + check.finding, check.next_step});
  }
  return absl::OkStatus();
}

}  // namespace

void AddDoctor(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command = app.add_subcommand(
      "doctor",
      "Check what odwctl needs: binaries, state folder, daemon, journal, executors, runtimes");
  const auto wish = std::make_shared<DoctorWish>();
  command->add_flag("--probe", wish->probe,
                    "ask each runtime and provider that is set up for one short answer");
  command->add_option("--executor-config", wish->executor_config,
                      "the executors' settings (default: executor.toml in the state folder)")
      ->check(CLI::ExistingFile);
  command->footer(
      "Starts no daemon, shows no key, and costs tokens only with --probe. Exit code 1 when "
      "something that is set up is broken.");
  command->callback([&session, wish, outcome] { *outcome = RunDoctor(session, *wish); });
}

}  // namespace odw::client
