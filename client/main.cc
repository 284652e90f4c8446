// odwctl: flags, one verb, its exit code.
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "client/commands/commands.h"
#include "client/exit_codes.h"
#include "client/session.h"
#include "daemon/base/version.h"

namespace odw::client {
namespace {

void AddGlobalFlags(CLI::App& app, Session& session, bool* json) {
  app.add_flag("--json", *json, "Output for programs: JSON on stdout, errors included");
  app.add_option("--state", session.flags().state,
                 "Folder of the private daemon (default: ~/.local/state/odw)")
      ->envname("ODW_STATE");
  app.add_option("--daemon", session.flags().daemon,
                 "Use this daemon, unix:PATH or a loopback IP:PORT, instead of the private one")
      ->envname("ODW_DAEMON");
  app.add_option("--token-file", session.flags().token_file,
                 "The daemon's token, for a daemon on TCP")
      ->envname("ODW_TOKEN_FILE");
}

// What CLI11 found wrong with the command line, or the help that was asked for.
ExitCode OnParseError(const CLI::App& app, const CLI::ParseError& error, const Console& console) {
  if (error.get_exit_code() == 0) {  // --help, --version
    app.exit(error);
    return ExitCode::kOk;
  }
  const auto chosen = app.get_subcommands();
  const std::string verb = chosen.empty() ? "" : chosen.front()->get_name() + " ";
  console.Fail({ExitCode::kUsage, "usage", error.what(), "See odwctl " + verb + "--help"});
  return ExitCode::kUsage;
}

ExitCode Run(int argc, char** argv) {
  Session session;
  absl::Status outcome;
  bool json = false;
  CLI::App app("odwctl runs agent workflows through odwd.", "odwctl");
  app.set_version_flag("--version", std::string("odwctl ") + kVersion);
  app.footer(std::string("\n") + kExitCodeHelp +
             "\nEvery error says what happened, why, and what to do next. Each verb has its own "
             "--help.");
  app.fallthrough();  // global flags may follow the verb
  app.require_subcommand(1);
  AddGlobalFlags(app, session, &json);
  // Before any verb's callback runs.
  app.parse_complete_callback(
      [&] { session.console().set_form(json ? OutputForm::kJson : OutputForm::kText); });
  for (const auto add : {AddExec, AddSubmit, AddStatus, AddList, AddWatch, AddResult, AddStop,
                         AddReport, AddDoctor, AddVersion}) {
    add(app, session, &outcome);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const bool wants_json = std::any_of(
        argv, argv + argc, [](const char* argument) { return strcmp(argument, "--json") == 0; });
    if (wants_json) session.console().set_form(OutputForm::kJson);
    return OnParseError(app, error, session.console());
  }
  if (outcome.ok()) return ExitCode::kOk;
  const Failure failure = FailureOf(outcome);
  session.console().Fail(failure);
  return failure.exit_code;
}

}  // namespace
}  // namespace odw::client

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);  // a reader that went away is an error of a write
  const odw::client::ExitCode code = odw::client::Run(argc, argv);
  fflush(nullptr);
  // Tearing gRPC's threads down would cost as much as the call itself.
  _exit(static_cast<int>(code));
}
