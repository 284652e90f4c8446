// Text for people: numbers with units, and strings of strangers made fit for a terminal.
// Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "odw/v1/types.pb.h"

namespace odw::client {

// `text` on one line and without effect on a terminal: control characters (ESC among them) and
// characters that reorder or hide text are dropped, line ends and tabs become a space, ill-formed
// UTF-8 becomes U+FFFD.
std::string OneLine(std::string_view text);

// The same, but line ends and tabs stay: for results and logs.
std::string SafeText(std::string_view text);

// The number of terminal columns that `text` takes; REQUIRES: OneLine'd text.
int DisplayWidth(std::string_view text);

// At most `columns` wide; what is cut is marked by an ellipsis. REQUIRES: OneLine'd text.
std::string Fit(std::string_view text, int columns);
// Fit, then filled with spaces to exactly `columns`.
std::string Pad(std::string_view text, int columns);

std::string FormatCount(uint64_t count);         // 950, 12.3k, 4.5M
std::string FormatMillis(int64_t millis);        // 85ms, 3.2s, 4m12s, 2h05m
std::string FormatMoney(int64_t micros, const std::string& currency);  // "0.0123 USD"
// "0.0123 USD + 0.5000 CNY"; empty where unpriced.
std::string FormatCost(const v1::Usage& usage);
std::string FormatUnixMillis(int64_t unix_ms);   // local time, to the second
uint64_t TotalTokens(const v1::Usage& usage);

// "running", "needs_attention": the words of the interface.
std::string StateName(v1::RunState state);
std::string HealthName(v1::Health health);
std::string CategoryName(v1::ErrorCategory category);
std::string SchemaPathName(v1::SchemaPath path);  // "native", "contract", "repaired"
// A message that is present but says nothing is no error.
template <typename Message>
bool HasError(const Message& message) {
  return message.has_error() && (message.error().category() != v1::ERROR_CATEGORY_UNSPECIFIED ||
                                 !message.error().message().empty());
}

}  // namespace odw::client
