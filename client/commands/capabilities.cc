#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/exit_codes.h"
#include "client/output/json.h"
#include "daemon/base/version.h"

namespace odw::client {
namespace {

using Json = nlohmann::ordered_json;

Json Verbs(const CLI::App& app) {
  Json verbs = Json::array();
  for (const CLI::App* verb : app.get_subcommands({})) {
    const auto inner = verb->get_subcommands({});
    if (inner.empty()) verbs.push_back(verb->get_name());
    for (const CLI::App* command : inner) {
      verbs.push_back(verb->get_name() + " " + command->get_name());
    }
  }
  return verbs;
}

Json Runtimes() {
  return {
      {{"name", "mock"}, {"answers", "made up from the prompt; schema-valid where one is given"}},
      {{"name", "command"}, {"answers", "output of a command that the executor declares"}},
      {{"name", "bamboo"},
       {"answers", "an OpenAI-compatible provider"},
       {"providers", {"deepseek", "kimi", "qwen", "zhipu", "minimax", "stepfun", "xiaomi"}}},
      {{"name", "claude"}, {"answers", "the claude CLI"}},
      {{"name", "codex"}, {"answers", "the codex CLI"}}};
}

// The daemon's own defaults; its settings may differ.
Json Limits() {
  return {
      {"concurrency", 16},          {"agents_max", 1000},           {"list_length_max", 4096},
      {"script_chars_max", 524288}, {"prompt_bytes_max", 16 << 20}, {"result_bytes_max", 64 << 20},
      {"args_bytes_max", 16 << 20}, {"workflow_depth_max", 1}};
}

// What runs now; nothing is started for this.
Json Executors(Session& session) {
  const absl::StatusOr<Endpoint> endpoint = session.FindDaemon();
  if (!endpoint.ok()) return nullptr;
  const absl::StatusOr<v1::Info> info = ControlClient(*endpoint).GetInfo();
  if (!info.ok()) return nullptr;
  return Json::parse(InfoToJson(*info))["executors"];
}

absl::Status RunCapabilities(const CLI::App& app, Session& session) {
  const Json json = {
      {"name", "odw"},
      {"version", kVersion},
      {"verbs", Verbs(app)},
      {"dialects", {"builtin", "odw"}},
      {"runtimes", Runtimes()},
      {"executors", Executors(session)},
      {"primitives",
       {{"builtin",
         {"agent", "parallel", "pipeline", "phase", "log", "workflow", "args", "budget", "console",
          "setTimeout", "clearTimeout"}},
        {"odw", {"fanout", "checkpoint", "promptSlot", "pandacode", "input", "odw"}}}},
      {"isolation", {"worktree"}},
      {"permissions", {"read-only", "workspace-write", "full"}},
      {"resume_modes", {"content", "prefix"}},
      {"schema", {"draft-07", "2020-12"}},
      {"events", {"odwd", "odw"}},
      {"limits", Limits()},
      {"exit_codes",
       {{"0", "ok"},
        {"1", "the run failed"},
        {"2", "bad usage or bad script"},
        {"3", "completed, but --fail-on or --strict-ok says no"},
        {"4", "no daemon"},
        {"5", "not found"},
        {"6", "refused"},
        {"7", "stopped"},
        {"8", "needs attention"},
        {"130", "interrupted"}}}};
  const Console& console = session.console();
  return console.json() ? console.PrintJson(json.dump()) : console.Print(json.dump(2) + "\n");
}

}  // namespace

void AddCapabilities(CLI::App& app, Session& session, absl::Status* outcome) {
  CLI::App* command = app.add_subcommand(
      "capabilities", "What this odw can do, as JSON: verbs, runtimes, limits, exit codes");
  command->footer("  odwctl capabilities --json | jq .runtimes");
  command->callback([&app, &session, outcome] { *outcome = RunCapabilities(app, session); });
}

}  // namespace odw::client
