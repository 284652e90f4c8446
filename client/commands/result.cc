#include <CLI/CLI.hpp>

#include "client/commands/commands.h"
#include "client/follow/follow.h"
#include "client/interrupt.h"
#include "client/run_exit.h"

namespace odw::client {
namespace {

struct ResultFlags {
  std::string run_id;
  bool wait = false;
};

absl::Status RunResult(Session& session, const ResultFlags& flags) {
  if (flags.wait) {
    EndOnInterrupt(InterruptedRunText(flags.run_id));
    // Waiting is following in silence: that also survives a restart of the daemon.
    ODW_RETURN_IF_ERROR(FollowRun(
        session, {.run_id = flags.run_id},
        {.on_event = [](const v1::WatchEvent&) {},
         .on_note = [&](const std::string& text) { session.console().Say("odwctl: " + text); }}));
  }
  v1::GetResultRequest request;
  request.set_run_id(flags.run_id);
  ODW_ASSIGN_OR_RETURN(const v1::GetResultResponse result,
                       session.Call<v1::GetResultResponse>(
                           [&](ControlClient& client) { return client.GetResult(request); }));
  // Printed whatever the verdict: one that says ok: false is a result too.
  if (result.run().state() == v1::COMPLETED) {
    ODW_RETURN_IF_ERROR(session.console().PrintValue(result.value_json()));
  }
  return JudgeRun(result.run(), result.value_json(), {});
}

}  // namespace

void AddResult(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command = app.add_subcommand("result", "Print a completed run's result");
  command->footer("A run that has not ended is refused (exit code 6) unless --wait is given.");
  auto flags = std::make_shared<ResultFlags>();
  command->add_option("run", flags->run_id, "The run's id")->required();
  command->add_flag("--wait", flags->wait, "Wait until the run has ended");
  command->callback([flags, &session, outcome] { *outcome = RunResult(session, *flags); });
}

}  // namespace odw::client
