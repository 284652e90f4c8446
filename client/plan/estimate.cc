#include "client/plan/estimate.h"

#include <algorithm>
#include <tuple>

namespace odw::client {
namespace {

// A token is 3 to 4.5 bytes of prose or code.
constexpr double kBytesPerTokenLow = 4.5, kBytesPerTokenHigh = 3;
// An answer is a line or two, or some pages.
constexpr double kAnswerTokensLow = 100, kAnswerTokensHigh = 4000;
// Prompts that hold earlier answers hold the mock's short ones here.
constexpr double kCarriedTokensHigh = 4000;

// What a runtime itself puts before each prompt, and how often it calls its model for one node.
struct Runtime {
  const char* name;
  double own_tokens_low, own_tokens_high;
  double calls_high;
};
constexpr Runtime kRuntimes[] = {{"claude", 6000, 12300, 10},
                                 {"codex", 9500, 9500, 10},
                                 {"bamboo", 500, 500, 5},
                                 {"mock", 0, 0, 1}};
constexpr Runtime kOtherRuntime = {"", 500, 12300, 10};

const Runtime& RuntimeOf(const std::string& name) {
  for (const Runtime& runtime : kRuntimes) {
    if (name == runtime.name) return runtime;
  }
  return kOtherRuntime;
}

uint64_t BytesOf(const v1::Blob& blob) {
  return std::max<uint64_t>(blob.size(), blob.inline_().size());
}

// "p1[3]/s0" and "p1[4]/s0" are one place of the script.
std::string PlaceOf(const std::string& scope) {
  std::string place;
  bool inside = false;
  for (const char c : scope) {
    if (c == ']') inside = false;
    if (!inside) place += c;
    if (c == '[') {
      place += '*';
      inside = true;
    }
  }
  return place;
}

void EstimateNode(const v1::Node& node, const Prices& prices, PlanGroup* group) {
  const Runtime& runtime = RuntimeOf(group->runtime);
  const auto bytes = static_cast<double>(BytesOf(node.prompt()));
  group->prompt_bytes += BytesOf(node.prompt());
  const double first_high =
      bytes / kBytesPerTokenHigh + runtime.own_tokens_high + kCarriedTokensHigh;
  const double again_high = (runtime.calls_high - 1) * first_high;
  const Range input = {bytes / kBytesPerTokenLow + runtime.own_tokens_low, first_high + again_high};
  const Range output = {kAnswerTokensLow, kAnswerTokensHigh};
  group->input_tokens.Add(input);
  group->output_tokens.Add(output);
  if (group->runtime == "mock") return;  // it costs nothing, whatever model it is asked for
  const std::optional<Price> price = prices.Of(group->provider, group->model);
  if (!price) return;
  group->currency = price->currency;
  const auto cost = [](double tokens, int64_t of_million) {
    return tokens * static_cast<double>(of_million) / 1e6;
  };
  // A node's further calls repeat what the provider has just seen.
  group->cost_micros.Add({cost(input.low, price->input) + cost(output.low, price->output),
                          cost(first_high, price->input) + cost(again_high, price->cached) +
                              cost(output.high, price->output)});
}

std::vector<std::string> Assumptions() {
  return {
      "answers were the mock's: a loop or a branch that depends on an answer may go another way",
      "a token is 3 to 4.5 bytes; an answer has 100 to 4,000 tokens, and so much of earlier "
      "answers may stand in each prompt",
      "before a prompt claude puts 6,000 to 12,300 tokens of its own, codex 9,500, bamboo 500; a "
      "node "
      "takes one model call, or up to ten (bamboo: five) that repeat the prompt at the cached "
      "price",
      "runtime, provider and model are those that each call asks for; --runtime and --model stand in "
      "where it names none",
      "prices are list prices of June 2026 or those of --prices; reasoning tokens and retries are "
      "not counted",
  };
}

}  // namespace

std::vector<PlanModel> ModelsOf(const Plan& plan) {
  std::vector<PlanModel> models;
  for (const PlanGroup& group : plan.groups) {
    auto found = std::find_if(models.begin(), models.end(), [&](const PlanModel& model) {
      return model.runtime == group.runtime && model.provider == group.provider &&
             model.model == group.model;
    });
    if (found == models.end()) {
      found = models.insert(models.end(), {.runtime = group.runtime,
                                           .provider = group.provider,
                                           .model = group.model,
                                           .currency = group.currency});
    }
    found->nodes += group.nodes;
    found->input_tokens.Add(group.input_tokens);
    found->output_tokens.Add(group.output_tokens);
    found->cost_micros.Add(group.cost_micros);
  }
  return models;
}

Plan EstimatePlan(const v1::Run& run, const Prices& prices, const PlanOptions& options) {
  Plan plan;
  using Key = std::tuple<std::string, std::string, std::string, std::string, std::string>;
  std::map<Key, size_t> index;
  for (const v1::Node& node : run.node()) {
    ++plan.nodes;
    const std::string runtime = node.runtime().empty() ? options.default_runtime : node.runtime();
    const Key key = {node.phase(), PlaceOf(node.scope()), runtime, node.provider(), node.model()};
    const auto [found, is_new] = index.try_emplace(key, plan.groups.size());
    if (is_new) {
      plan.groups.push_back({.phase = node.phase(),
                             .place = PlaceOf(node.scope()),
                             .label = node.label(),
                             .runtime = runtime,
                             .provider = node.provider(),
                             .model = node.model(),
                             .isolation = node.isolation()});
    }
    PlanGroup& group = plan.groups[found->second];
    ++group.nodes;
    if (!node.isolation().empty()) ++plan.worktrees;
    if (!node.command().empty() || runtime == "command") {
      ++plan.commands;
      continue;
    }
    EstimateNode(node, prices, &group);
    if (group.currency.empty() && runtime != "mock") ++plan.unpriced;
  }
  for (const PlanGroup& group : plan.groups) {
    plan.input_tokens.Add(group.input_tokens);
    plan.output_tokens.Add(group.output_tokens);
    if (!group.currency.empty()) plan.cost_micros[group.currency].Add(group.cost_micros);
  }
  plan.assumptions = Assumptions();
  return plan;
}

}  // namespace odw::client
