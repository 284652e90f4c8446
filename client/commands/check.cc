#include <CLI/CLI.hpp>

#include "client/commands/commands.h"
#include "client/commands/submission.h"
#include "client/output/json.h"
#include "client/output/reply_text.h"

namespace odw::client {
namespace {

absl::Status Refused(const std::string& name, const v1::CheckResponse& reply) {
  int errors = 0;
  for (const v1::ScriptProblem& problem : reply.problems()) errors += problem.warning() ? 0 : 1;
  return FailureStatus({ExitCode::kUsage, "bad_script",
                        name + " has " + std::to_string(errors) +
                            (errors == 1 ? " problem" : " problems") + "; it would not run",
                        "Correct the script: odwctl guide says how one is written."});
}

absl::Status RunCheck(Session& session, const SubmissionFlags& flags) {
  ODW_ASSIGN_OR_RETURN(const Script script, ReadScript(flags.file));
  v1::CheckRequest request;
  request.set_script(script.source);
  request.set_script_name(script.name);
  request.set_dialect(DialectOf(flags.run));
  ODW_ASSIGN_OR_RETURN(const v1::CheckResponse reply,
                       session.Call<v1::CheckResponse>(
                           [&](ControlClient& client) { return client.Check(request); }));
  const Console& console = session.console();
  ODW_RETURN_IF_ERROR(console.json() ? console.PrintJson(CheckToJson(reply))
                                     : console.Print(CheckText(script.name, script.source, reply)));
  return reply.ok() ? absl::OkStatus() : Refused(script.name, reply);
}

}  // namespace

void AddCheck(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command =
      app.add_subcommand("check", "Read a script and name every problem in it; nothing runs");
  command->footer(
      "Exit code 2 when the script would be refused. Warnings do not change it.\n\n"
      "  odwctl check flow.js\n"
      "  odwctl check flow.js --json | jq .problems");
  auto flags = std::make_shared<SubmissionFlags>();
  if (session.as_odw()) flags->run.dialect = "odw";
  command->add_option("file,--script", flags->file, "The workflow script; - reads stdin")
      ->required();
  command
      ->add_option("--dialect", flags->run.dialect,
                   "How the script is read: builtin or odw (default: told from the script)")
      ->check(CLI::IsMember({"builtin", "odw", "auto"}));
  command->callback([flags, &session, outcome] { *outcome = RunCheck(session, *flags); });
}

}  // namespace odw::client
