#include "client/output/event_lines.h"

#include <nlohmann/json.hpp>

#include "client/output/json.h"
#include "client/output/text.h"

namespace odw::client {
namespace {

using Json = nlohmann::ordered_json;

// How a checkpoint(name, value) call stands in the log.
constexpr std::string_view kCheckpointMark = "checkpoint ";

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json Line(const char* type, int64_t unix_ms) { return {{"type", type}, {"ts_ms", unix_ms}}; }

Json ErrorOf(const v1::Error& error) {
  return {{"category", CategoryName(error.category())}, {"message", error.message()}};
}

Json Started(const v1::RunStarted& started, const std::string& run_id, int64_t unix_ms) {
  Json line = Line("workflow_start", unix_ms);
  line["runId"] = run_id;
  line["name"] = started.name();
  line["description"] = started.description();
  line["phases"] = started.phases();
  return line;
}

// A checkpoint is a log line of a form of its own.
Json Logged(const v1::LogLine& log, int64_t unix_ms) {
  const std::string& text = log.text();
  if (text.rfind(kCheckpointMark, 0) != 0) {
    Json line = Line("log", unix_ms);
    line["message"] = text;
    if (log.warning()) line["level"] = "warning";
    return line;
  }
  Json line = Line("checkpoint", unix_ms);
  const size_t from = kCheckpointMark.size();
  const size_t colon = text.find(": ", from);
  line["name"] = text.substr(from, colon == std::string::npos ? colon : colon - from);
  if (colon != std::string::npos) {
    const Json value = Json::parse(text.substr(colon + 2), nullptr, /*allow_exceptions=*/false);
    line["value"] = value.is_discarded() ? Json(text.substr(colon + 2)) : value;
  }
  return line;
}

std::vector<std::string> Lines(const std::vector<CombinatorEvent>& events) {
  std::vector<std::string> lines;
  for (const CombinatorEvent& event : events) {
    Json line = Line(event.type.c_str(), event.unix_ms);
    line["id"] = event.id;
    if (event.calls > 0) {
      line["calls"] = event.calls;
      line["failed"] = event.failed;
    }
    lines.push_back(Dump(line));
  }
  return lines;
}

}  // namespace

std::vector<std::string> EventLines::Of(const v1::WatchEvent& event) {
  if (names_ == EventNames::kOdwd) return {EventToJson(event)};
  switch (event.body_case()) {
    case v1::WatchEvent::kRunStarted:
      name_ = event.run_started().name();
      return {Dump(Started(event.run_started(), run_id_, event.unix_ms()))};
    case v1::WatchEvent::kPhase: {
      Json line = Line("phase", event.unix_ms());
      line["title"] = event.phase().title();
      return {Dump(line)};
    }
    case v1::WatchEvent::kLog:
      return {Dump(Logged(event.log(), event.unix_ms()))};
    case v1::WatchEvent::kNode:
      return OfNode(event.node(), event.unix_ms());
    default:
      return {};  // the end comes with the result
  }
}

std::vector<std::string> EventLines::OfNode(const v1::NodeChanged& node, int64_t unix_ms) {
  Seen& seen = nodes_[node.ordinal()];
  if (!node.label().empty()) seen.label = node.label();
  if (!node.phase().empty()) seen.phase = node.phase();
  if (!node.runtime().empty()) seen.runtime = node.runtime();
  if (!node.model().empty()) seen.model = node.model();
  const auto line = [&](const char* type) {
    Json json = Line(type, unix_ms);
    json["nodeId"] = "n" + std::to_string(node.ordinal());
    json["phase"] = seen.phase;
    json["label"] = seen.label;
    json["runtime"] = seen.runtime;
    if (!seen.model.empty()) json["model"] = seen.model;
    return json;
  };
  std::vector<std::string> lines;
  if (!seen.placed && scope_of_) {
    seen.placed = true;
    lines = Lines(combinators_.OnCalled(node.ordinal(), scope_of_(node.ordinal()), unix_ms));
  }
  const bool failed = HasError(node);
  if (node.state() == v1::NODE_RUNNING && !failed && node.attempt() > seen.started) {
    seen.started = node.attempt();
    Json json = line("agent_start");
    json["attempt"] = node.attempt();
    lines.push_back(Dump(json));
  }
  if (failed && node.error().category() == v1::SCHEMA) {
    Json json = line("agent_schema_invalid");
    json["attempt"] = node.attempt();
    json["message"] = node.error().message();
    lines.push_back(Dump(json));
  }
  if (node.state() == v1::NODE_BACKOFF) {
    Json json = line("agent_retry");
    json["reason"] = failed ? CategoryName(node.error().category()) : "retry";
    json["nextAttempt"] = node.attempt() + 1;
    lines.push_back(Dump(json));
  }
  if (node.state() == v1::NODE_CACHED || node.state() == v1::NODE_SKIPPED) {
    Json json = line("agent_skip");
    json["cached"] = node.state() == v1::NODE_CACHED;
    lines.push_back(Dump(json));
  }
  const bool ended = node.state() == v1::NODE_DONE || node.state() == v1::NODE_FAILED ||
                     node.state() == v1::NODE_CANCELLED;
  if (ended || node.state() == v1::NODE_CACHED || node.state() == v1::NODE_SKIPPED) {
    combinators_.OnEnded(node.ordinal(),
                         node.state() == v1::NODE_FAILED ? CombinatorEvents::Outcome::kFailed
                                                         : CombinatorEvents::Outcome::kDone,
                         unix_ms);
  }
  if (ended) {
    Json json = line("agent_done");
    json["ok"] = node.state() == v1::NODE_DONE;
    json["attempt"] = node.attempt();
    if (failed) json["error"] = ErrorOf(node.error());
    lines.push_back(Dump(json));
  }
  return lines;
}

std::vector<std::string> EventLines::End(const v1::GetResultResponse& result) {
  std::vector<std::string> lines;
  if (names_ == EventNames::kOriginal) lines = Lines(combinators_.AtEnd());
  lines.push_back(Result(result));
  return lines;
}

std::string EventLines::Result(const v1::GetResultResponse& result) const {
  const v1::Run& run = result.run();
  const bool done = run.state() == v1::COMPLETED;
  const std::string value = done && !result.value_json().empty() ? result.value_json() : "null";
  if (names_ == EventNames::kOdwd) {
    return "{\"result\":" + value + ",\"run\":" + RunToJson(run) + "}";
  }
  Json line = Line(done ? "workflow_done" : "workflow_error", run.ended_unix_ms());
  line["runId"] = run_id_;
  line["name"] = run.name();
  line["status"] = StateName(run.state());
  if (!done) {
    line["message"] =
        HasError(run) ? run.error().message() : "the run was " + StateName(run.state());
    if (HasError(run)) line["category"] = CategoryName(run.error().category());
    return Dump(line);
  }
  // The value goes in as it came: its numbers are not read and written again.
  std::string text = Dump(line);
  text.pop_back();
  return text + ",\"result\":" + value + "}";
}

}  // namespace odw::client
