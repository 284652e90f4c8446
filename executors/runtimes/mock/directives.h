// The [[...]] directives of a mock prompt: what the mock runtime is told to do. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/base/status.h"
#include "odw/v1/types.pb.h"

namespace odw::executors {

inline constexpr uint32_t kMockBigKibMax = 64 << 10;  // a result's limit

struct MockPlan {
  uint64_t delay_ms = 0;
  bool hang = false;
  std::optional<std::string> say;
  std::optional<std::string> json;
  std::vector<std::string> then_json;  // the answers of the repair turns, in order; the last one stays
  std::optional<uint32_t> big_kib;
  std::optional<uint64_t> input_tokens, output_tokens, cached_tokens;
  odw::v1::ErrorCategory fail = odw::v1::ERROR_CATEGORY_UNSPECIFIED;
  uint32_t fail_attempts = UINT32_MAX;  // attempts 1..N fail
  std::vector<std::pair<std::string, std::string>> appends;  // file, line
  std::string rest;  // the prompt without directives, trimmed
};

// InvalidArgument, naming the directive and what it takes, on an unknown or malformed one.
absl::StatusOr<MockPlan> ParseMockPrompt(const std::string& prompt);

// The category of a name such as "rate_limit", whatever its case.
std::optional<odw::v1::ErrorCategory> ParseErrorCategory(std::string name);

// UTF-8 characters (well-formed text) and the first `count` of them.
size_t CountCharacters(const std::string& text);
std::string FirstCharacters(const std::string& text, size_t count);

}  // namespace odw::executors
