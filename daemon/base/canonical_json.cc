#include "daemon/base/canonical_json.h"

#include <nlohmann/json.hpp>

namespace odw {

absl::StatusOr<std::string> CanonicalJson(std::string_view text) {
  // nlohmann's parser takes a NUL for the end of the text, and what follows it for nothing.
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) {
    return absl::InvalidArgumentError("a NUL character at byte " + std::to_string(nul + 1));
  }
  // It keeps its own stack, and its object type sorts keys.
  try {
    return nlohmann::json::parse(text).dump(-1, ' ', false,
                                            nlohmann::json::error_handler_t::replace);
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(error.what());
  }
}

std::string JsonQuote(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace odw
