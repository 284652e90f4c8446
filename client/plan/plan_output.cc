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

std::string WhoAnswers(const PlanGroup& group) {
  std::string text = OneLine(group.runtime);
  if (group.runtime.empty() && group.model.empty()) text = "default";
  if (!group.provider.empty()) text += " " + OneLine(group.provider);
  if (!group.model.empty()) text += (text.empty() ? "" : " ") + OneLine(group.model);
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

Json ToJson(const Range& range) {
  return {{"low", std::llround(range.low)}, {"high", std::llround(range.high)}};
}

}  // namespace

std::string PlanText(const v1::Run& run, const Plan& plan) {
  std::string out = "plan of " + OneLine(run.name()) + ": " + Plural(plan.nodes, "node");
  if (plan.commands > 0) out += " (" + Plural(plan.commands, "command") + ")";
  out += "; a dry run on the mock, nothing was spent\n";
  std::vector<std::string> phases;
  for (const PlanGroup& group : plan.groups) {
    if (std::find(phases.begin(), phases.end(), group.phase) == phases.end()) {
      phases.push_back(group.phase);
    }
  }
  for (const std::string& phase : phases) {
    uint32_t nodes = 0;
    for (const PlanGroup& group : plan.groups) nodes += group.phase == phase ? group.nodes : 0;
    out += "\n" + (phase.empty() ? "(no phase)" : OneLine(phase)) + ": " + Plural(nodes, "node") +
           "\n";
    for (const PlanGroup& group : plan.groups) {
      if (group.phase == phase) GroupLine(&out, group);
    }
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
               {"unpriced", plan.unpriced},
               {"input_tokens", ToJson(plan.input_tokens)},
               {"output_tokens", ToJson(plan.output_tokens)},
               {"cost_micros", Json::object()},
               {"groups", Json::array()},
               {"assumptions", plan.assumptions}};
  for (const auto& [currency, micros] : plan.cost_micros) {
    json["cost_micros"][currency] = ToJson(micros);
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
