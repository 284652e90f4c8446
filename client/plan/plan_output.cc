// A plan as text and as JSON.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "client/output/text.h"
#include "client/plan/estimate.h"

namespace odw::client {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kLabelColumns = 36;
constexpr int kModelColumns = 26;
constexpr int kWhoColumns = 40;

std::string Tokens(const Range& range) {
  return FormatCount(static_cast<uint64_t>(range.low)) + " to " +
         FormatCount(static_cast<uint64_t>(range.high));
}

std::string Money(const Range& micros, const std::string& currency) {
  char text[96];
  snprintf(text, sizeof text, "%.2f to %.2f ", micros.low / 1e6, micros.high / 1e6);
  return text + OneLine(currency);
}

std::string Plural(uint64_t count, const std::string& what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

// Of a group or a model: "claude opus", "bamboo kimi kimi-k2.6", "default".
template <typename Asked>
std::string WhoAnswers(const Asked& asked) {
  std::string text = OneLine(asked.runtime);
  if (asked.runtime.empty() && asked.model.empty()) text = "default";
  if (!asked.provider.empty()) text += " " + OneLine(asked.provider);
  if (!asked.model.empty()) text += (text.empty() ? "" : " ") + OneLine(asked.model);
  return text;
}

// Where in the script: "each of a parallel", "stage 2 of a pipeline".
std::string PlaceText(const PlanGroup& group) {
  if (group.place.empty()) return group.nodes > 1 ? "one after another" : "";
  const size_t last = group.place.rfind('/');
  const std::string part = group.place.substr(last == std::string::npos ? 0 : last + 1);
  if (part.size() > 1 && part[0] == 's') {
    return "pipeline stage " + std::to_string(atoi(part.c_str() + 1) + 1);
  }
  return "in parallel";
}

void GroupLine(std::string* out, const PlanGroup& group) {
  const std::string label = OneLine(group.label) + (group.nodes > 1 ? " …" : "");
  std::string line = "  " + Pad(std::to_string(group.nodes) + " ×", 7) + Pad(label, kLabelColumns) +
                     " " + Pad(WhoAnswers(group), kModelColumns) + " " +
                     Pad(group.input_tokens.high > 0 ? Tokens(group.input_tokens) + " in" : "", 22);
  std::string where = PlaceText(group);
  if (!group.isolation.empty()) where += (where.empty() ? "" : ", ") + group.isolation;
  line += " " + where;
  while (line.back() == ' ') line.pop_back();
  *out += line + "\n";
}

// A line for each runtime and model that is asked.
std::string ModelLines(const Plan& plan) {
  std::string out;
  for (const PlanModel& model : ModelsOf(plan)) {
    std::string line = "  " + Pad(WhoAnswers(model), kWhoColumns) + " " +
                       Pad(Plural(model.nodes, "node"), 12);
    if (model.input_tokens.high > 0) {
      line += Pad(Tokens(model.input_tokens) + " in, " + Tokens(model.output_tokens) + " out", 44) +
              (model.runtime == "mock" ? ""
               : model.currency.empty()  ? "no price known"
                                         : Money(model.cost_micros, model.currency));
    }
    while (line.back() == ' ') line.pop_back();
    out += line + "\n";
  }
  return out;
}

// In the order of their first call; then those that meta announces and no call named.
std::vector<std::string> PhasesOf(const v1::Run& run, const Plan& plan) {
  std::vector<std::string> phases;
  const auto add = [&](const std::string& phase) {
    if (std::find(phases.begin(), phases.end(), phase) == phases.end()) phases.push_back(phase);
  };
  for (const PlanGroup& group : plan.groups) add(group.phase);
  const Json meta = Json::parse(run.meta_json(), nullptr, /*allow_exceptions=*/false);
  if (!meta.is_object() || !meta.contains("phases") || !meta["phases"].is_array()) return phases;
  for (const Json& phase : meta["phases"]) {
    const Json title = phase.is_object() ? phase.value("title", Json()) : phase;
    if (title.is_string()) add(title.get<std::string>());
  }
  return phases;
}

uint32_t NodesIn(const Plan& plan, const std::string& phase) {
  uint32_t nodes = 0;
  for (const PlanGroup& group : plan.groups) nodes += group.phase == phase ? group.nodes : 0;
  return nodes;
}

Json ToJson(const Range& range) {
  return {{"low", std::llround(range.low)}, {"high", std::llround(range.high)}};
}

}  // namespace

std::string PlanText(const v1::Run& run, const Plan& plan) {
  std::string out = "plan of " + OneLine(run.name()) + ": " + Plural(plan.nodes, "node");
  if (plan.commands > 0) out += " (" + Plural(plan.commands, "command") + ")";
  out += "; a dry run on the mock, nothing was spent\n";
  for (const std::string& phase : PhasesOf(run, plan)) {
    out += "\n" + (phase.empty() ? "(no phase)" : OneLine(phase)) + ": " +
           Plural(NodesIn(plan, phase), "node") + "\n";
    for (const PlanGroup& group : plan.groups) {
      if (group.phase == phase) GroupLine(&out, group);
    }
  }
  out += "\nasked\n" + ModelLines(plan);
  if (plan.worktrees > 0) {
    out += "\nworktrees  " + Plural(plan.worktrees, "node") + ", each in a git worktree of its own\n";
  }
  out += "\ntokens  " + Tokens(plan.input_tokens) + " in, " + Tokens(plan.output_tokens) + " out\n";
  for (const auto& [currency, micros] : plan.cost_micros) {
    out += "cost    " + Money(micros, currency) + "\n";
  }
  if (plan.unpriced > 0) {
    out += "cost    not known for " + Plural(plan.unpriced, "node") +
           ": their models have no price here (--prices FILE)\n";
  }
  out += "\nassumed\n";
  for (const std::string& line : plan.assumptions) out += "  - " + line + "\n";
  return out;
}

std::string PlanToJson(const v1::Run& run, const Plan& plan) {
  Json json = {{"name", run.name()},
               {"nodes", plan.nodes},
               {"commands", plan.commands},
               {"worktrees", plan.worktrees},
               {"unpriced", plan.unpriced},
               {"input_tokens", ToJson(plan.input_tokens)},
               {"output_tokens", ToJson(plan.output_tokens)},
               {"cost_micros", Json::object()},
               {"phases", Json::array()},
               {"models", Json::array()},
               {"groups", Json::array()},
               {"assumptions", plan.assumptions}};
  for (const auto& [currency, micros] : plan.cost_micros) {
    json["cost_micros"][currency] = ToJson(micros);
  }
  for (const std::string& phase : PhasesOf(run, plan)) {
    json["phases"].push_back({{"title", phase}, {"nodes", NodesIn(plan, phase)}});
  }
  for (const PlanModel& model : ModelsOf(plan)) {
    Json entry = {{"runtime", model.runtime},
                  {"provider", model.provider},
                  {"model", model.model},
                  {"nodes", model.nodes},
                  {"input_tokens", ToJson(model.input_tokens)},
                  {"output_tokens", ToJson(model.output_tokens)}};
    if (!model.currency.empty()) {
      entry["cost_micros"] = ToJson(model.cost_micros);
      entry["currency"] = model.currency;
    }
    json["models"].push_back(std::move(entry));
  }
  for (const PlanGroup& group : plan.groups) {
    Json entry = {{"phase", group.phase},
                  {"place", group.place},
                  {"label", group.label},
                  {"runtime", group.runtime},
                  {"provider", group.provider},
                  {"model", group.model},
                  {"isolation", group.isolation},
                  {"nodes", group.nodes},
                  {"prompt_bytes", group.prompt_bytes},
                  {"input_tokens", ToJson(group.input_tokens)},
                  {"output_tokens", ToJson(group.output_tokens)}};
    if (!group.currency.empty()) {
      entry["cost_micros"] = ToJson(group.cost_micros);
      entry["currency"] = group.currency;
    }
    json["groups"].push_back(std::move(entry));
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace odw::client
