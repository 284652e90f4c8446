// What models cost, for `odwctl plan` alone: what is charged is what executors report. List prices
// (daemon/base/list_prices.h), and a user's own file over them. Thread-safe once built.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "daemon/base/status.h"

namespace odw::client {

// Millionths of `currency` for a million tokens.
struct Price {
  std::string currency;
  int64_t input = 0;
  int64_t cached = 0;  // input that the provider has seen just before
  int64_t output = 0;
};

class Prices {
 public:
  // Adds {"MODEL": {"currency": "USD", "input": 3, "cached": 0.3, "output": 15}}, prices being for
  // a million tokens. Usage failure that names what is wrong.
  absl::Status AddJson(const std::string& json);

  // By the model's name, or by the provider's usual model where none is named.
  std::optional<Price> Of(const std::string& provider, const std::string& model) const;

 private:
  std::map<std::string, Price> given_;  // by model
};

}  // namespace odw::client
