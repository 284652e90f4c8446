#include "daemon/core/budget.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "daemon/core/planted_bug.h"

namespace odw::core {
namespace {

// Providers refuse to be asked for less output than this.
constexpr double kOutputTokensMin = 16;
constexpr double kNone = std::numeric_limits<double>::infinity();

struct Remainder {
  double tokens = kNone;
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
  const double used = model::AllTokens(run.usage);
  const double total = static_cast<double>(settings.tokens_max());
  if (settings.tokens_max() > 0 && total - used - reserved < left.tokens) {
    left = {.tokens = total - used - reserved, .used = used, .total = total};
  }
  return left;
}

std::string Number(double value) { return std::to_string(static_cast<int64_t>(value)); }

// Headers of old journals may name none.
std::string CurrencyOf(const v1::RunSettings& settings) {
  return settings.cost_currency().empty() ? "USD" : settings.cost_currency();
}

// As the run's cost ceiling counts it.
model::Cost Counted(const v1::RunSettings& settings, const v1::Usage& usage) {
  if (PlantedBug(Bug::kOtherMoneyUncounted)) {
    return {.micros = static_cast<double>(usage.cost_micros())};
  }
  return model::CostIn(CurrencyOf(settings), usage, settings.exchange());
}

// Money that the ceiling cannot count is not spent, and what was spent unforeseen ends it.
std::string Uncounted(const v1::RunSettings& settings, const model::Cost& spent,
                      const v1::Model* price) {
  const std::string currency = CurrencyOf(settings);
  if (!spent.without_rate.empty()) {
    return NoRateText("calls of this run were paid in " + spent.without_rate,
                      "the run's cost ceiling is in " + currency, spent.without_rate);
  }
  if (FirstMicros(price, currency, settings.exchange())) return "";
  return NoRateText("the model " + price->name() + " is priced in " + price->currency(),
                    "the run's cost ceiling is in " + currency, price->currency());
}

Estimate EstimateOf(const Run& run, const Node& node, const v1::Model* price) {
  const auto known = run.estimates.find(EstimateKey(node.details->request));
  if (known != run.estimates.end()) return known->second;
  const v1::RunSettings& settings = run.header.settings();
  const auto micros = FirstMicros(price, CurrencyOf(settings), settings.exchange());
  return {.tokens = kFirstTokens, .micros = micros.value_or(0)};
}

std::string CostCeilingText(const v1::RunSettings& settings, double spent, int64_t next) {
  return "cost ceiling: " + model::FormatMicros(spent) + " of " +
         model::FormatMicros(static_cast<double>(settings.cost_micros_max())) + " " +
         CurrencyOf(settings) + " are spent and the next call needs about " +
         model::FormatMicros(static_cast<double>(next)) +
         "; raise it (odwctl unpause RUN --max-cost) to go on";
}

}  // namespace

bool HasCeiling(const v1::RunSettings& settings) {
  return settings.has_budget_total() || settings.tokens_max() > 0 || settings.cost_micros_max() > 0;
}

double TokensOf(const v1::RunSubmitted& header, const v1::Usage& usage) {
  return header.settings().tokens_max() > 0 ? model::AllTokens(usage)
                                            : SpentBy(header.dialect(), usage);
}

double CostOf(const v1::RunSettings& settings, const v1::Usage& usage) {
  return settings.cost_micros_max() == 0 ? 0 : Counted(settings, usage).micros;
}

std::string EstimateKey(const v1::AgentRequest& request) {
  return request.runtime() + '\0' + request.provider() + '\0' + request.model() + '\0' +
         request.command();
}

double LeastOf(const Node& node) { return node.runtime == "mock" ? 1 : kOutputTokensMin; }

const v1::Model* PriceAt(const v1::Register& executor, const v1::AgentRequest& request) {
  const v1::Model* of_any_name = nullptr;
  for (const v1::Model& model : executor.models()) {
    if (!request.provider().empty() && model.provider() != request.provider()) continue;
    if (model.name() == request.model()) return model.currency().empty() ? nullptr : &model;
    // Without a model the provider's own is called, which it lists first.
    const bool stands_in = model.name() == "*" || (request.model().empty() && !request.provider().empty());
    if (stands_in && of_any_name == nullptr) of_any_name = &model;
  }
  return of_any_name != nullptr && of_any_name->currency().empty() ? nullptr : of_any_name;
}

std::optional<double> FirstMicros(const v1::Model* price, const std::string& currency,
                                  const model::ExchangeRates& rates) {
  if (price == nullptr) return 0;
  const double micros = kFirstTokens * static_cast<double>(price->output_micros_per_mtok()) / 1e6;
  return model::Convert(micros, price->currency(), currency, rates);
}

std::string NoRateText(const std::string& money, const std::string& ceiling, const std::string& currency) {
  return money + ", and " + ceiling + " with no rate for " + currency +
         ": what cannot be counted is not spent. Add " + currency +
         " under [budget.exchange] in odwd.toml and submit or resume the run again, or take another model";
}

std::string PassedBy(const Run& run, const v1::Usage& in_flight) {
  const v1::RunSettings& settings = run.header.settings();
  if (settings.tokens_max() == 0 && settings.cost_micros_max() == 0) return "";
  v1::Usage all = run.usage;
  model::AddUsage(in_flight, &all);
  const double tokens = model::AllTokens(all), tokens_max = static_cast<double>(settings.tokens_max());
  if (tokens_max > 0 && tokens > tokens_max) {
    return Number(tokens) + " of the run's " + Number(tokens_max) + " tokens are used";
  }
  const double micros = CostOf(settings, all), most = static_cast<double>(settings.cost_micros_max());
  if (most == 0 || micros <= most) return "";
  return model::FormatMicros(micros) + " of the run's " + model::FormatMicros(most) + " " +
         CurrencyOf(settings) + " are spent";
}

uint64_t OvershootOf(const Run& run) {
  const v1::RunSettings& settings = run.header.settings();
  double over = 0;
  if (settings.has_budget_total()) {
    over = SpentBy(run.header.dialect(), run.usage) - settings.budget_total();
  }
  if (settings.tokens_max() > 0) {
    over = std::max(over,
                    model::AllTokens(run.usage) - static_cast<double>(settings.tokens_max()));
  }
  return over > 0 ? static_cast<uint64_t>(std::ceil(over)) : 0;
}

int64_t OvershootMicrosOf(const Run& run) {
  const v1::RunSettings& settings = run.header.settings();
  const double over =
      CostOf(settings, run.usage) - static_cast<double>(settings.cost_micros_max());
  return settings.cost_micros_max() > 0 && over > 0 ? static_cast<int64_t>(std::ceil(over)) : 0;
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
  double micros_left = kNone, spent = 0;
  if (settings.cost_micros_max() > 0) {
    const model::Cost cost = Counted(settings, run.usage);
    const std::string uncounted = Uncounted(settings, cost, price);
    if (!uncounted.empty()) return {.kind = Affordance::Kind::kRefused, .why = uncounted};
    const bool known = run.estimates.contains(EstimateKey(node.details->request));
    // The first tells what such a call costs.
    if (!known && price == nullptr && !in_flight.empty()) return {.kind = Affordance::Kind::kWaits};
    spent = cost.micros;
    micros_left = static_cast<double>(settings.cost_micros_max() - reserved_micros) - spent;
  }
  const Estimate estimate = EstimateOf(run, node, price);
  const Remainder left = TokensLeft(run, reserved_tokens);
  Affordance afford{.reserved_tokens = static_cast<uint64_t>(std::ceil(estimate.tokens)),
                    .reserved_micros = static_cast<int64_t>(std::ceil(estimate.micros))};
  const bool money_fits =
      micros_left > 0 && static_cast<double>(afford.reserved_micros) <= micros_left;
  if (money_fits && static_cast<double>(afford.reserved_tokens) <= left.tokens) return afford;
  if (!in_flight.empty()) return {.kind = Affordance::Kind::kWaits};
  if (!money_fits) {
    return {.kind = Affordance::Kind::kPauses,
            .why = CostCeilingText(settings, spent, afford.reserved_micros)};
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
                 " tokens are used; raise it (odwctl unpause RUN --max-tokens) to go on"};
}

}  // namespace odw::core
