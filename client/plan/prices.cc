#include "client/plan/prices.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "client/failure.h"
#include "daemon/base/list_prices.h"

namespace odw::client {
namespace {

constexpr double kPriceMax = 1e6;

int64_t Micros(double amount) { return static_cast<int64_t>(std::llround(amount * 1e6)); }

absl::Status BadPrice(const std::string& model, const std::string& what) {
  return UsageError("the price of '" + model + "' " + what,
                    "Write {\"MODEL\": {\"currency\": \"USD\", \"input\": 3, \"cached\": 0.3, "
                    "\"output\": 15}}, for a million tokens.");
}

Price PriceOf(const ListedPrice& listed) {
  return {listed.currency, listed.input, listed.cached, listed.output};
}

}  // namespace

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
    given_[model] = price;
  }
  return absl::OkStatus();
}

std::optional<Price> Prices::Of(const std::string& provider, const std::string& model) const {
  std::string name = model;
  if (name.empty() || name == "inherit") {
    const ListedPrice* const usual = UsualModelOf(provider);
    if (usual == nullptr) return std::nullopt;
    name = usual->model;
  }
  const auto given = given_.find(name);
  if (given != given_.end()) return given->second;
  const ListedPrice* const listed = FindListedPrice(name);
  if (listed == nullptr) return std::nullopt;
  return PriceOf(*listed);
}

}  // namespace odw::client
