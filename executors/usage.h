// Tokens and what they cost, by list prices. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "odw/v1/executor.pb.h"

namespace odw::executors {

struct Price {
  std::string currency;  // ISO 4217; empty: unpriced
  int64_t input_micros_per_mtok = 0;
  int64_t cached_micros_per_mtok = 0;
  int64_t output_micros_per_mtok = 0;
  uint64_t context_tokens = 0;
};

// The list price of a model (daemon/base/list_prices.h); unpriced where there is none.
Price ListPrice(const std::string& model);

// The model that a request names, or `otherwise` where it leaves the choice ("" and "inherit").
std::string ModelOf(const odw::v1::AgentRequest& request, const std::string& otherwise);

// Adds `turn` to `total`.
void AddUsage(const odw::v1::Usage& turn, odw::v1::Usage* total);

// Adds the cost of `usage`'s tokens to it. `written_tokens`: of its input tokens, those written to
// the provider's cache, which cost a quarter more.
void AddCost(const Price& price, uint64_t written_tokens, odw::v1::Usage* usage);

}  // namespace odw::executors
