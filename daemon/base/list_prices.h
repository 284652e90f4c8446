// What models cost, as their providers publish it. What is charged is what executors report; this
// is what they charge by where their settings say nothing else, and what `odwctl plan` reckons
// with. Thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace odw {

// Millionths of `currency` for a million tokens.
struct ListedPrice {
  const char* provider;  // empty: no one provider's
  const char* model;     // whole name; of a family, how its models' names start
  const char* currency;  // ISO 4217
  int64_t input;
  int64_t cached;  // input that the provider has seen just before
  int64_t output;
  uint64_t context_tokens;
  enum class Of { kModel, kFamily } of = Of::kModel;
};

// By the whole name, else by the longest start of a family that fits. Null where there is none.
const ListedPrice* FindListedPrice(std::string_view model);

// Of the model that a provider is asked for when none is named. Null for an unknown provider.
const ListedPrice* UsualModelOf(std::string_view provider);

}  // namespace odw
