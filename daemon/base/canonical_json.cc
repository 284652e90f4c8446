#include "daemon/base/canonical_json.h"

#include <nlohmann/json.hpp>

namespace odw {

absl::StatusOr<std::string> CanonicalJson(std::string_view text) {
  // nlohmann's parser keeps its own stack and its object type sorts keys.
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
