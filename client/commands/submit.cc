#include <CLI/CLI.hpp>

#include "client/commands/commands.h"
#include "client/commands/submission.h"
#include "client/output/json.h"

namespace odw::client {
namespace {

absl::Status RunSubmit(Session& session, const SubmissionFlags& flags) {
  ODW_ASSIGN_OR_RETURN(const v1::SubmitResponse response, SubmitRun(session, flags));
  const Console& console = session.console();
  if (console.json()) return console.PrintJson(SubmitToJson(response));
  if (response.existing()) console.Say("The key names an earlier run; nothing new was started.");
  return console.Print(response.run_id() + "\n");
}

}  // namespace

void AddSubmit(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command =
      app.add_subcommand("submit", "Start a run and print its id; it goes on in the daemon");
  command->footer("  odwctl submit flow.js --runtime claude --key nightly-2026-11-23");
  auto flags = std::make_shared<SubmissionFlags>();
  AddScriptFlags(command, flags.get());
  command->add_option(
      "--key", flags->key,
      "Idempotency key: the same key with the same script and args is the same run");
  AddRunFlags(command, &flags->run, session);
  command->callback([flags, &session, outcome] { *outcome = RunSubmit(session, *flags); });
}

}  // namespace odw::client
