#include "daemon/core/budget.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace odw::core {
namespace {

// Before any call of a model has ended.
constexpr double kFirstTokens = 4000;
// Providers refuse to be asked for less output than this.
constexpr double kOutputTokensMin = 16;

double AllTokens(const v1::Usage& usage) {
  return static_cast<double>(usage.input_tokens() + usage.cached_input_tokens() +
                             usage.output_tokens());
}

struct Remainder {
  double tokens = std::numeric_limits<double>::infinity();
  bool of_script = false;  // the tokens are the script's own budget
  double used = 0, total = 0;
};

Remainder TokensLeft(const Run& run, double reserved) {
  const v1::RunSettings& settings = run.header.settings();
  Remainder left;
  if (settings.has_budget_total()) {
    left.used = SpentBy(run.header.dialect(), run.usage);
    left.total = settings.budget_total();
    left.tokens = left.total - left.used - reserved;
    left.of_script = true;
  }
  const double used = AllTokens(run.usage);
  const double total = static_cast<double>(settings.tokens_max());
  if (settings.tokens_max() > 0 && total - used - reserved < left.tokens) {
    left = {.tokens = total - used - reserved, .used = used, .total = total};
  }
  return left;
}

std::string Number(double value) { return std::to_string(static_cast<int64_t>(value)); }

// Least of a runtime's output that is worth asking for.
double LeastOf(const Node& node) { return node.runtime == "mock" ? 1 : kOutputTokensMin; }

}  // namespace

bool HasCeiling(const v1::RunSettings& settings) {
  return settings.has_budget_total() || settings.tokens_max() > 0 || settings.cost_micros_max() > 0;
}

double TokensOf(const v1::RunSubmitted& header, const v1::Usage& usage) {
  return header.settings().tokens_max() > 0 ? AllTokens(usage) : SpentBy(header.dialect(), usage);
}

std::string EstimateKey(const v1::AgentRequest& request) {
  return request.runtime() + '\0' + request.provider() + '\0' + request.model() + '\0' +
         request.command();
}

uint64_t OvershootOf(const Run& run) {
  const v1::RunSettings& settings = run.header.settings();
  double over = 0;
  if (settings.has_budget_total()) {
    over = SpentBy(run.header.dialect(), run.usage) - settings.budget_total();
  }
  if (settings.tokens_max() > 0) {
    over = std::max(over, AllTokens(run.usage) - static_cast<double>(settings.tokens_max()));
  }
  return over > 0 ? static_cast<uint64_t>(std::ceil(over)) : 0;
}

Affordance Afford(const Run& run, const Node& node, const std::vector<const Attempt*>& in_flight,
                  const v1::Model* price) {
  const v1::RunSettings& settings = run.header.settings();
  double reserved_tokens = 0;
  int64_t reserved_micros = 0;
  for (const Attempt* attempt : in_flight) {
    reserved_tokens += static_cast<double>(attempt->reserved_tokens);
    reserved_micros += attempt->reserved_micros;
  }
  Estimate estimate{.tokens = kFirstTokens};
  if (price != nullptr) {
    estimate.micros = kFirstTokens * static_cast<double>(price->output_micros_per_mtok()) / 1e6;
  }
  const auto known = run.estimates.find(EstimateKey(node.details->request));
  if (known != run.estimates.end()) {
    estimate = known->second;
  } else if (settings.cost_micros_max() > 0 && price == nullptr && !in_flight.empty()) {
    return {.kind = Affordance::Kind::kWaits};  // the first tells what such a call costs
  }

  const Remainder left = TokensLeft(run, reserved_tokens);
  const double micros_left =
      settings.cost_micros_max() == 0
          ? std::numeric_limits<double>::infinity()
          : static_cast<double>(settings.cost_micros_max() - run.usage.cost_micros() - reserved_micros);
  Affordance afford{.reserved_tokens = static_cast<uint64_t>(std::ceil(estimate.tokens)),
                    .reserved_micros = static_cast<int64_t>(std::ceil(estimate.micros))};
  const bool money_fits = micros_left > 0 && static_cast<double>(afford.reserved_micros) <= micros_left;
  if (money_fits && static_cast<double>(afford.reserved_tokens) <= left.tokens) return afford;
  if (!in_flight.empty()) return {.kind = Affordance::Kind::kWaits};
  if (!money_fits) {
    return {.kind = Affordance::Kind::kPauses,
            .why = "cost ceiling: " + std::to_string(run.usage.cost_micros()) + " of " +
                   std::to_string(settings.cost_micros_max()) + " micros " + settings.cost_currency() +
                   " are spent and the next call needs about " +
                   std::to_string(afford.reserved_micros) + "; raise cost_micros_max and unpause"};
  }
  if (left.tokens >= LeastOf(node)) {
    afford.reserved_tokens = afford.output_tokens_max = static_cast<uint64_t>(left.tokens);
    return afford;
  }
  if (left.of_script) {
    return {.kind = Affordance::Kind::kRefused,
            .why = "Workflow budget exhausted: " + Number(left.used) + " of " + Number(left.total) +
                   " tokens"};
  }
  return {.kind = Affordance::Kind::kPauses,
          .why = "token ceiling: " + Number(left.used) + " of " + Number(left.total) +
                 " tokens are used; raise tokens_max and unpause"};
}

}  // namespace odw::core
