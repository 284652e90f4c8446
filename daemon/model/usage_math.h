// Sums of usage, and money in several currencies. Pure.
#pragma once

#include <optional>
#include <string>

#include "odw/v1/journal.pb.h"
#include "odw/v1/types.pb.h"

namespace odw::model {

// Of a total: the first currency and those in `other_costs`. What is paid in one more is left out of
// the total, and stays in the attempt's own record.
inline constexpr int kCurrenciesMax = 16;

using ExchangeRates = google::protobuf::RepeatedPtrField<v1::ExchangeRate>;

// Adds `more` to `total`, the money of each currency apart.
void AddUsage(const v1::Usage& more, v1::Usage* total);

// Input and output tokens together, without the cached ones: what a repeat costs.
uint64_t TokensOf(const v1::Usage& usage);
// What ceilings of tokens count.
double AllTokens(const v1::Usage& usage);

// `micros` of one currency in another; nullopt when a rate is missing. The same currency and the
// dollar need none.
std::optional<double> Convert(double micros, const std::string& from, const std::string& to,
                              const ExchangeRates& rates);

// All the money of `usage` in one currency.
struct Cost {
  double micros = 0;
  std::string without_rate;  // the first currency that could not be counted; empty: all is counted
};
Cost CostIn(const std::string& currency, const v1::Usage& usage, const ExchangeRates& rates);

// "20", "0.35", "0.0042": an amount for a person to read.
std::string FormatMicros(double micros);

}  // namespace odw::model
