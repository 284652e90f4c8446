#include <CLI/CLI.hpp>

#include "client/commands/commands.h"
#include "client/follow/follow.h"
#include "client/interrupt.h"
#include "client/output/json.h"
#include "client/output/progress.h"
#include "client/output/run_text.h"
#include "client/run_exit.h"

namespace odw::client {
namespace {

struct WatchFlags {
  std::string run_id;
  uint64_t after = 0;
  bool lines = false;
};

absl::Status Follow(Session& session, const WatchFlags& flags) {
  const Console& console = session.console();
  const FollowOptions options{.run_id = flags.run_id, .after = flags.after};
  if (console.json()) {
    absl::Status printed;
    const absl::Status followed =
        FollowRun(session, options,
                  {.on_event =
                       [&](const v1::WatchEvent& event) {
                         if (printed.ok()) printed = console.PrintJson(EventToJson(event));
                       },
                   .on_note = [&](const std::string& text) { console.Say("odwctl: " + text); }});
    return printed.ok() ? followed : printed;
  }
  const auto progress = MakeProgress(flags.lines ? ProgressStyle::kLines : ProgressStyle::kAuto);
  const absl::Status followed =
      FollowRun(session, options,
                {.on_event = [&](const v1::WatchEvent& event) { progress->OnEvent(event); },
                 .on_note = [&](const std::string& text) { progress->Note(text); }});
  progress->Finish();
  return followed;
}

absl::Status RunWatch(Session& session, const WatchFlags& flags) {
  EndOnInterrupt(InterruptedRunText(flags.run_id));
  ODW_RETURN_IF_ERROR(Follow(session, flags));
  v1::GetRunRequest request;
  request.set_run_id(flags.run_id);
  ODW_ASSIGN_OR_RETURN(const v1::Run run, session.Call<v1::Run>([&](ControlClient& client) {
    return client.GetRun(request);
  }));
  if (!session.console().json()) session.console().Say(RunEndLine(run));
  return JudgeRun(run, "", {});
}

}  // namespace

void AddWatch(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command = app.add_subcommand(
      "watch", "Follow a run to its end, across lost connections and daemon restarts");
  command->footer(
      "The exit code is the run's. With --json stdout has one event a line, with its number.");
  auto flags = std::make_shared<WatchFlags>();
  command->add_option("run", flags->run_id, "The run's id")->required();
  command->add_option("--after", flags->after, "Only events after this number");
  command->add_flag("--lines", flags->lines, "Plain lines, also on a terminal");
  command->callback([flags, &session, outcome] { *outcome = RunWatch(session, *flags); });
}

}  // namespace odw::client
