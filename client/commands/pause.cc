#include <CLI/CLI.hpp>

#include "client/arguments.h"
#include "client/commands/commands.h"
#include "client/output/json.h"
#include "client/output/run_text.h"

namespace odw::client {
namespace {

struct PauseFlags {
  std::string run_id;
  std::string reason;
  std::string tokens_max;
  std::string cost_max;
};

absl::Status PrintRun(const Console& console, const v1::Run& run) {
  if (console.json()) return console.PrintJson(RunToJson(run));
  return console.Print(RunEndLine(run) + "\n");
}

absl::Status RunPause(Session& session, const PauseFlags& flags) {
  v1::PauseRequest request;
  request.set_run_id(flags.run_id);
  request.set_reason(flags.reason);
  ODW_ASSIGN_OR_RETURN(
      const v1::RunReply reply,
      session.CallOnce<v1::RunReply>([&](ControlClient& client) { return client.Pause(request); }));
  return PrintRun(session.console(), reply.run());
}

absl::Status RunUnpause(Session& session, const PauseFlags& flags) {
  v1::UnpauseRequest request;
  request.set_run_id(flags.run_id);
  if (!flags.tokens_max.empty()) {
    ODW_ASSIGN_OR_RETURN(const uint64_t tokens, ParseTokens("--max-tokens", flags.tokens_max));
    request.set_tokens_max(tokens);
  }
  if (!flags.cost_max.empty()) {
    ODW_ASSIGN_OR_RETURN(const Money money, ParseMoney("--max-cost", flags.cost_max));
    request.set_cost_micros_max(money.micros);
  }
  ODW_ASSIGN_OR_RETURN(const v1::RunReply reply,
                       session.CallOnce<v1::RunReply>(
                           [&](ControlClient& client) { return client.Unpause(request); }));
  return PrintRun(session.console(), reply.run());
}

}  // namespace

void AddPause(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command =
      app.add_subcommand("pause", "Start no new node of a run; those at work finish");
  command->footer(
      "A paused run keeps every result; odwctl unpause lets it go on.\n\n"
      "  odwctl pause wf_1072dc96-6a2b4f01 --reason 'the provider is slow today'");
  auto flags = std::make_shared<PauseFlags>();
  command->add_option("run", flags->run_id, "The run's id")->required();
  command->add_option("--reason", flags->reason, "Why, for the run's record");
  command->callback([flags, &session, outcome] { *outcome = RunPause(session, *flags); });
}

void AddUnpause(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command = app.add_subcommand("unpause", "Let a paused run go on");
  command->footer(
      "A run that a ceiling paused needs a higher one.\n\n"
      "  odwctl unpause wf_1072dc96-6a2b4f01\n"
      "  odwctl unpause wf_1072dc96-6a2b4f01 --max-cost 20USD");
  auto flags = std::make_shared<PauseFlags>();
  command->add_option("run", flags->run_id, "The run's id")->required();
  command->add_option("--max-tokens", flags->tokens_max, "The new ceiling: 2000000, 500k, 2M");
  command->add_option("--max-cost", flags->cost_max,
                      "The new ceiling, in the run's currency: 20USD, 30CNY");
  command->callback([flags, &session, outcome] { *outcome = RunUnpause(session, *flags); });
}

}  // namespace odw::client
