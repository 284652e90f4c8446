// What stands on a command line, read: a node, a number of tokens, an amount of money, a text or a
// file. Usage failures name the form that is meant. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/base/status.h"

namespace odw::client {

// "n7", "N7" or "7".
absl::StatusOr<uint64_t> ParseNode(const std::string& text);

// "500000", "500k", "1.5M": at least 1.
absl::StatusOr<uint64_t> ParseTokens(const std::string& flag, const std::string& text);

struct Money {
  int64_t micros = 0;    // millionths of `currency`
  std::string currency;  // three capital letters
};
// "5USD", "0.5 usd", "30CNY": more than nothing.
absl::StatusOr<Money> ParseMoney(const std::string& flag, const std::string& text);

// The whole of `path`, "-" being stdin; `what` names it in a failure.
absl::StatusOr<std::string> ReadInput(const std::string& path, size_t bytes_max,
                                      const std::string& what);

// `text` as an argument value: itself when it is JSON, else a JSON string of it (SPEC I2).
std::string ArgsAsJson(const std::string& text);

// The folder this process stands in; an existing folder that a flag names, absolute.
absl::StatusOr<std::string> CurrentFolder();
absl::StatusOr<std::string> ExistingFolder(const std::string& flag, const std::string& path);

// The one of `words` that `word` is most likely a slip of; empty when none is near.
std::string NearestWord(const std::string& word, const std::vector<std::string>& words);

// What stands after the last slash.
std::string BaseName(std::string_view path);

}  // namespace odw::client
