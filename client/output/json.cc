#include "client/output/json.h"

#include <nlohmann/json.hpp>

#include "client/output/text.h"

namespace odw::client {
namespace {

using Json = nlohmann::ordered_json;

// Strings of strangers may be ill-formed UTF-8: shown as U+FFFD, never an exception.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string NodeStateName(v1::NodeState state) {
  std::string name = v1::NodeState_Name(state);
  if (name.rfind("NODE_", 0) != 0 || state == v1::NODE_STATE_UNSPECIFIED) return "unknown";
  name = name.substr(5);
  for (char& c : name) c = static_cast<char>(tolower(c));
  return name;
}

Json ToJson(const v1::Usage& usage) {
  Json json = {{"input_tokens", usage.input_tokens()},
               {"output_tokens", usage.output_tokens()},
               {"cached_input_tokens", usage.cached_input_tokens()},
               {"reasoning_tokens", usage.reasoning_tokens()},
               {"tool_calls", usage.tool_calls()},
               {"model_calls", usage.model_calls()}};
  if (!usage.currency().empty()) {
    json["cost_micros"] = usage.cost_micros();
    json["currency"] = usage.currency();
  }
  for (const v1::Money& other : usage.other_costs()) {
    json["other_costs"].push_back({{"cost_micros", other.micros()}, {"currency", other.currency()}});
  }
  return json;
}

Json ToJson(const v1::Error& error) {
  Json json = {{"category", CategoryName(error.category())}, {"message", error.message()}};
  if (error.retry_after_ms() != 0) json["retry_after_ms"] = error.retry_after_ms();
  if (error.category() == v1::EXIT_STATUS) json["exit_status"] = error.exit_status();
  return json;
}

template <typename Counts>
Json CensusToJson(const Counts& census) {
  Json json = Json::object();
  for (const v1::CategoryCount& entry : census)
    json[CategoryName(entry.category())] = entry.count();
  return json;
}

Json ToJson(const v1::NodeCounts& n) {
  return {{"total", n.total()},   {"queued", n.queued()},   {"running", n.running()},
          {"done", n.done()},     {"failed", n.failed()},   {"skipped", n.skipped()},
          {"cached", n.cached()}, {"blocked", n.blocked()}, {"cancelled", n.cancelled()},
          {"backoff", n.backoff()}};
}

void PutText(Json* json, const char* key, const std::string& value) {
  if (!value.empty()) (*json)[key] = value;
}

// Without the diff: `odwctl diff` has it.
Json ToJson(const v1::Worktree& worktree) {
  Json json = {{"changed", worktree.changed()},
               {"files_changed", worktree.files_changed()},
               {"files", worktree.files()},
               {"base_commit", worktree.base_commit()},
               {"result_commit", worktree.result_commit()},
               {"result_ref", worktree.result_ref()}};
  PutText(&json, "kept_path", worktree.kept_path());
  if (worktree.notes_size() > 0) json["notes"] = worktree.notes();
  return json;
}

Json ToJson(const v1::Node& node) {
  Json json = {{"node", "n" + std::to_string(node.ordinal())},
               {"state", NodeStateName(node.state())},
               {"label", node.label()},
               {"phase", node.phase()},
               {"runtime", node.runtime()},
               {"model", node.model()},
               {"attempts", node.attempts()},
               {"usage", ToJson(node.usage())},
               {"called_unix_ms", node.called_unix_ms()},
               {"started_unix_ms", node.started_unix_ms()},
               {"ended_unix_ms", node.ended_unix_ms()}};
  PutText(&json, "provider", node.provider());
  PutText(&json, "executor", node.executor());
  PutText(&json, "command", node.command());
  PutText(&json, "agent_type", node.agent_type());
  PutText(&json, "effort", node.effort());
  PutText(&json, "permission", node.permission());
  PutText(&json, "isolation", node.isolation());
  if (HasError(node)) json["error"] = ToJson(node.error());
  if (!node.cached_from_run().empty()) {
    json["cached_from"] = {{"run_id", node.cached_from_run()},
                           {"node", "n" + std::to_string(node.cached_from_node())}};
  }
  if (node.schema_path() != v1::SCHEMA_PATH_NONE) {
    json["schema_path"] = SchemaPathName(node.schema_path());
    json["repair_turns"] = node.repair_turns();
  }
  if (node.not_enforced_size() > 0) json["not_enforced"] = node.not_enforced();
  for (const v1::Error& error : node.attempt_errors()) {
    json["attempt_errors"].push_back(ToJson(error));
  }
  if (node.has_worktree()) json["worktree"] = ToJson(node.worktree());
  return json;
}

Json ToJson(const v1::Run& run) {
  Json json = {{"run_id", run.run_id()},
               {"name", run.name()},
               {"description", run.description()},
               {"owner", run.owner()},
               {"state", StateName(run.state())},
               {"health", HealthName(run.health())},
               {"submitted_unix_ms", run.submitted_unix_ms()},
               {"ended_unix_ms", run.ended_unix_ms()},
               {"nodes", ToJson(run.nodes())},
               {"usage", ToJson(run.usage())},
               {"census", CensusToJson(run.census())},
               {"waiting_for", run.waiting_for()},
               {"current_phase", run.current_phase()},
               {"phases", run.phases()},
               {"re_executed", run.re_executed()},
               {"re_executed_tokens", run.re_executed_tokens()},
               {"last_event", run.last_event()}};
  if (HasError(run)) json["error"] = ToJson(run.error());
  PutText(&json, "script_name", run.script_name());
  if (run.dialect() != v1::DIALECT_UNSPECIFIED) {
    json["dialect"] = run.dialect() == v1::ODW ? "odw" : "builtin";
  }
  if (!run.resumed_from().empty()) {
    json["resumed_from"] = run.resumed_from();
    json["saved_usage"] = ToJson(run.saved_usage());
  }
  if (run.overshoot_tokens() != 0) json["overshoot_tokens"] = run.overshoot_tokens();
  if (run.overshoot_micros() != 0) json["overshoot_micros"] = run.overshoot_micros();
  if (run.budget_total() != 0) json["budget_total"] = run.budget_total();
  if (run.node_size() > 0) {
    json["node"] = Json::array();
    for (const v1::Node& node : run.node()) json["node"].push_back(ToJson(node));
  }
  if (run.log_size() > 0) json["log"] = run.log();
  return json;
}

Json ToJson(const v1::NodeChanged& node) {
  Json json = {{"node", "n" + std::to_string(node.ordinal())},
               {"state", NodeStateName(node.state())},
               {"label", node.label()},
               {"phase", node.phase()},
               {"runtime", node.runtime()},
               {"model", node.model()},
               {"attempt", node.attempt()},
               {"usage", ToJson(node.usage())}};
  PutText(&json, "executor", node.executor());
  if (HasError(node)) json["error"] = ToJson(node.error());
  return json;
}

Json ToJson(const v1::RunEnded& ended) {
  Json json = {{"state", StateName(ended.state())},
               {"health", HealthName(ended.health())},
               {"census", CensusToJson(ended.census())}};
  if (HasError(ended)) json["error"] = ToJson(ended.error());
  return json;
}

Json ToJson(const v1::Executor& executor) {
  return {{"executor_id", executor.executor_id()},
          {"name", executor.name()},
          {"runtime", executor.runtime()},
          {"slots", executor.slots()},
          {"busy", executor.busy()},
          {"connected", executor.connected()},
          {"draining", executor.draining()},
          {"host", executor.host()},
          {"pid", executor.pid()},
          {"version", executor.version()},
          {"commands", executor.commands()},
          {"models", executor.models()},
          {"runtime_version", executor.runtime_version()},
          {"permission_max", executor.permission_max()}};
}

Json ToJson(const v1::ProviderState& state) {
  Json json = {{"runtime", state.runtime()}, {"provider", state.provider()}, {"open", state.open()}};
  PutText(&json, "key_id", state.key_id());
  if (state.concurrency() != 0) json["concurrency"] = state.concurrency();
  if (state.retry_unix_ms() != 0) json["retry_unix_ms"] = state.retry_unix_ms();
  PutText(&json, "why", state.why());
  return json;
}

Json ToJson(const v1::DayUsage& today) {
  Json json = {{"usage", ToJson(today.usage())}};
  if (today.tokens_max() != 0) json["tokens_max"] = today.tokens_max();
  if (today.cost_micros_max() != 0) {
    json["cost_micros_max"] = today.cost_micros_max();
    json["cost_currency"] = today.cost_currency();
  }
  return json;
}

}  // namespace

std::string RunToJson(const v1::Run& run) { return Dump(ToJson(run)); }

std::string RunsToJson(const v1::ListRunsResponse& runs) {
  Json json = {{"runs", Json::array()}};
  for (const v1::Run& run : runs.runs()) json["runs"].push_back(ToJson(run));
  PutText(&json, "next_before", runs.next_before());
  return Dump(json);
}

std::string EventToJson(const v1::WatchEvent& event) {
  Json json = {{"number", event.number()}, {"unix_ms", event.unix_ms()}};
  switch (event.body_case()) {
    case v1::WatchEvent::kRunStarted:
      json["run_started"] = {{"name", event.run_started().name()},
                             {"description", event.run_started().description()},
                             {"phases", event.run_started().phases()}};
      break;
    case v1::WatchEvent::kNode:
      json["node"] = ToJson(event.node());
      break;
    case v1::WatchEvent::kLog:
      json["log"] = {{"text", event.log().text()}, {"warning", event.log().warning()}};
      break;
    case v1::WatchEvent::kPhase:
      json["phase"] = {{"title", event.phase().title()}};
      break;
    case v1::WatchEvent::kRunEnded:
      json["run_ended"] = ToJson(event.run_ended());
      break;
    case v1::WatchEvent::kState:
      json["state"] = {{"state", StateName(event.state().state())}, {"why", event.state().why()}};
      break;
    case v1::WatchEvent::kProgress:
      json["progress"] = {{"node", "n" + std::to_string(event.progress().ordinal())},
                          {"usage_so_far", ToJson(event.progress().usage_so_far())},
                          {"note", event.progress().note()}};
      break;
    case v1::WatchEvent::BODY_NOT_SET:
      break;
  }
  return Dump(json);
}

std::string LimitsToJson(const v1::Info& info) {
  Json json = {{"providers", Json::array()}};
  for (const v1::ProviderState& state : info.providers()) {
    json["providers"].push_back(ToJson(state));
  }
  if (info.has_today()) json["today"] = ToJson(info.today());
  return Dump(json);
}

std::string InfoToJson(const v1::Info& info) {
  Json json = {{"version", info.version()},
               {"pid", info.pid()},
               {"data_dir", info.data_dir()},
               {"started_unix_ms", info.started_unix_ms()},
               {"open_runs", info.open_runs()},
               {"script_hosts", info.script_hosts()},
               {"script_hosts_max", info.script_hosts_max()},
               {"host_parks", info.host_parks()},
               {"journal_error", info.journal_error()},
               {"executors", Json::array()}};
  for (const v1::Executor& executor : info.executors())
    json["executors"].push_back(ToJson(executor));
  return Dump(json);
}

std::string SubmitToJson(const v1::SubmitResponse& response) {
  return Dump(Json{{"run_id", response.run_id()},
                   {"existing", response.existing()},
                   {"warnings", response.warnings()}});
}

std::string FailureToJson(const Failure& failure) {
  return Dump(Json{{"error",
                    {{"code", failure.code},
                     {"message", failure.message},
                     {"next_step", failure.next_step},
                     {"exit_code", static_cast<int>(failure.exit_code)}}}});
}

std::optional<std::string> JsonStringValue(std::string_view json) {
  if (json.empty() || json.front() != '"') return std::nullopt;
  const Json value = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!value.is_string()) return std::nullopt;
  return value.get<std::string>();
}

bool IsJson(std::string_view text) { return Json::accept(text); }

}  // namespace odw::client
