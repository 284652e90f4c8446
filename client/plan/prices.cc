#include "client/plan/prices.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "client/failure.h"

namespace odw::client {
namespace {

struct Row {
  const char* provider;  // "": none names it
  const char* model;
  const char* currency;
  double input, cached, output;  // for a million tokens
};

// List prices of June 2026; executors charge by tables of their own (executors/usage.cc, bamboo).
constexpr Row kRows[] = {
    {"deepseek", "deepseek-v4-pro", "USD", 0.435, 0.003625, 0.87},
    {"kimi", "kimi-k2.6", "USD", 0.95, 0.16, 4.0},
    {"qwen", "qwen3.7-max", "CNY", 12, 2.4, 36},
    {"zhipu", "glm-5.1", "CNY", 6, 1.3, 24},
    {"minimax", "MiniMax-M3", "CNY", 2.1, 0.42, 8.4},
    {"stepfun", "step-3.7-flash", "USD", 0.2, 0.04, 1.15},
    {"xiaomi", "mimo-v2.5-pro", "CNY", 7, 1.4, 21},
};

// Of families of models, and the short names that the CLIs take for their newest.
constexpr Row kFamilies[] = {
    {"", "claude-opus-5", "USD", 4, 0.4, 20}, {"", "claude-opus", "USD", 5, 0.5, 25},
    {"", "claude-sonnet", "USD", 3, 0.3, 15}, {"", "claude-haiku", "USD", 1, 0.1, 5},
    {"", "gpt-5", "USD", 1.25, 0.125, 10},    {"", "opus", "USD", 4, 0.4, 20},
    {"", "sonnet", "USD", 3, 0.3, 15},        {"", "haiku", "USD", 1, 0.1, 5},
};

constexpr double kPriceMax = 1e6;

int64_t Micros(double amount) { return static_cast<int64_t>(std::llround(amount * 1e6)); }

absl::Status BadPrice(const std::string& model, const std::string& what) {
  return UsageError("the price of '" + model + "' " + what,
                    "Write {\"MODEL\": {\"currency\": \"USD\", \"input\": 3, \"cached\": 0.3, "
                    "\"output\": 15}}, for a million tokens.");
}

Price PriceOf(const Row& row) {
  return {row.currency, Micros(row.input), Micros(row.cached), Micros(row.output)};
}

}  // namespace

Prices::Prices() {
  for (const Row& row : kRows) {
    by_model_[row.model] = PriceOf(row);
    if (row.provider[0] != '\0') usual_model_[row.provider] = row.model;
  }
}

absl::Status Prices::AddJson(const std::string& json) {
  const auto table = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!table.is_object()) return BadPrice("*", "cannot be read: the file is no JSON object");
  for (const auto& [model, entry] : table.items()) {
    if (!entry.is_object() || !entry.contains("currency") || !entry["currency"].is_string()) {
      return BadPrice(model, "names no currency");
    }
    Price price{.currency = entry["currency"]};
    for (const auto& [key, field] :
         {std::pair{"input", &price.input}, {"output", &price.output}, {"cached", &price.cached}}) {
      if (!entry.contains(key) && field == &price.cached) {
        *field = price.input;
        continue;
      }
      if (!entry.contains(key) || !entry[key].is_number() || !(entry[key].get<double>() >= 0) ||
          entry[key].get<double>() > kPriceMax) {
        return BadPrice(model, std::string("has no number for ") + key);
      }
      *field = Micros(entry[key].get<double>());
    }
    by_model_[model] = price;
  }
  return absl::OkStatus();
}

std::optional<Price> Prices::Of(const std::string& provider, const std::string& model) const {
  std::string name = model;
  if (name.empty() || name == "inherit") {
    const auto usual = usual_model_.find(provider);
    if (usual == usual_model_.end()) return std::nullopt;
    name = usual->second;
  }
  const auto found = by_model_.find(name);
  if (found != by_model_.end()) return found->second;
  const Row* best = nullptr;
  for (const Row& row : kFamilies) {
    const std::string_view start = row.model;
    if (name.compare(0, start.size(), start) != 0) continue;
    if (best == nullptr || start.size() > std::string_view(best->model).size()) best = &row;
  }
  if (best == nullptr) return std::nullopt;
  return PriceOf(*best);
}

}  // namespace odw::client
