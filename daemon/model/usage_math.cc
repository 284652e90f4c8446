#include "daemon/model/usage_math.h"

#include <cmath>
#include <cstdio>

namespace odw::model {
namespace {

void AddMoney(const std::string& currency, int64_t micros, v1::Usage* total) {
  if (currency.empty() || (micros == 0 && !total->currency().empty())) return;
  if (total->currency().empty()) total->set_currency(currency);
  if (total->currency() == currency) {
    total->set_cost_micros(total->cost_micros() + micros);
    return;
  }
  for (v1::Money& money : *total->mutable_other_costs()) {
    if (money.currency() != currency) continue;
    money.set_micros(money.micros() + micros);
    return;
  }
  if (total->other_costs_size() >= kCurrenciesMax - 1) return;
  v1::Money* money = total->add_other_costs();
  money->set_currency(currency);
  money->set_micros(micros);
}

// How much of it a dollar buys; 0: not known.
double PerUsd(const std::string& currency, const ExchangeRates& rates) {
  for (const v1::ExchangeRate& rate : rates) {
    if (rate.currency() == currency && rate.per_usd() > 0) return rate.per_usd();
  }
  return currency == "USD" ? 1 : 0;
}

}  // namespace

void AddUsage(const v1::Usage& more, v1::Usage* total) {
  total->set_input_tokens(total->input_tokens() + more.input_tokens());
  total->set_output_tokens(total->output_tokens() + more.output_tokens());
  total->set_cached_input_tokens(total->cached_input_tokens() + more.cached_input_tokens());
  total->set_reasoning_tokens(total->reasoning_tokens() + more.reasoning_tokens());
  total->set_tool_calls(total->tool_calls() + more.tool_calls());
  total->set_model_calls(total->model_calls() + more.model_calls());
  AddMoney(more.currency(), more.cost_micros(), total);
  for (const v1::Money& money : more.other_costs()) {
    AddMoney(money.currency(), money.micros(), total);
  }
}

uint64_t TokensOf(const v1::Usage& usage) { return usage.input_tokens() + usage.output_tokens(); }

double AllTokens(const v1::Usage& usage) {
  return static_cast<double>(usage.input_tokens() + usage.cached_input_tokens() +
                             usage.output_tokens());
}

std::optional<double> Convert(double micros, const std::string& from, const std::string& to,
                              const ExchangeRates& rates) {
  if (from == to || micros == 0) return micros;
  const double from_rate = PerUsd(from, rates), to_rate = PerUsd(to, rates);
  if (from_rate == 0 || to_rate == 0) return std::nullopt;
  return micros / from_rate * to_rate;
}

Cost CostIn(const std::string& currency, const v1::Usage& usage, const ExchangeRates& rates) {
  Cost cost;
  const auto add = [&](const std::string& from, int64_t micros) {
    if (from.empty()) return;
    const auto converted = Convert(static_cast<double>(micros), from, currency, rates);
    if (converted) {
      cost.micros += *converted;
    } else if (cost.without_rate.empty()) {
      cost.without_rate = from;
    }
  };
  add(usage.currency(), usage.cost_micros());
  for (const v1::Money& money : usage.other_costs()) add(money.currency(), money.micros());
  return cost;
}

std::string FormatMicros(double micros) {
  const double amount = micros / 1e6;
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, std::abs(amount) < 1 ? "%.4f" : "%.2f", amount);
  std::string text = buffer;
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace odw::model
