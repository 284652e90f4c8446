// The --json forms of the daemon's answers other than runs and events.
#include <nlohmann/json.hpp>

#include "client/output/json.h"
#include "client/output/text.h"

namespace odw::client {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string NodeName(uint64_t ordinal) { return "n" + std::to_string(ordinal); }

const char* DialectName(v1::Dialect dialect) { return dialect == v1::ODW ? "odw" : "builtin"; }

}  // namespace

std::string ExplainToJson(const v1::ExplainResponse& reply) {
  Json json = {{"node", NodeName(reply.node())}, {"reused", reply.reused()}};
  if (!reply.from_run().empty()) json["from_run"] = reply.from_run();
  if (reply.from_node() != 0) json["from_node"] = NodeName(reply.from_node());
  json["why"] = reply.why();
  json["changes"] = Json::array();
  for (const v1::FieldChange& change : reply.changes()) {
    json["changes"].push_back(
        {{"field", change.field()}, {"before", change.before()}, {"after", change.after()}});
  }
  return Dump(json);
}

std::string CheckToJson(const v1::CheckResponse& reply) {
  Json json = {{"ok", reply.ok()}, {"problems", Json::array()}};
  for (const v1::ScriptProblem& problem : reply.problems()) {
    json["problems"].push_back({{"severity", problem.warning() ? "warning" : "error"},
                                {"line", problem.line()},
                                {"column", problem.column()},
                                {"message", problem.message()},
                                {"source_line", problem.source_line()}});
  }
  if (!reply.ok()) return Dump(json);
  json["name"] = reply.name();
  json["description"] = reply.description();
  json["dialect"] = DialectName(reply.dialect());
  const Json meta = Json::parse(reply.meta_json(), nullptr, /*allow_exceptions=*/false);
  if (!meta.is_discarded()) json["meta"] = meta;
  return Dump(json);
}

std::string WorkflowsToJson(const v1::ListWorkflowsResponse& reply) {
  Json json = {{"workflows", Json::array()}};
  for (const v1::SavedWorkflow& workflow : reply.workflows()) {
    Json entry = {{"name", workflow.name()},
                  {"description", workflow.description()},
                  {"when_to_use", workflow.when_to_use()},
                  {"path", workflow.path()},
                  {"place", workflow.place()},
                  {"shadowed", workflow.shadowed()}};
    if (!workflow.problem().empty()) entry["problem"] = workflow.problem();
    json["workflows"].push_back(std::move(entry));
  }
  return Dump(json);
}

}  // namespace odw::client
