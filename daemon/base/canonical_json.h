// JSON in one form: object keys sorted by code units, no white space, so that equal values have equal
// bytes. For hashing and comparing. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "daemon/base/status.h"

namespace odw {

// InvalidArgument (with the byte's place) when `text` is not JSON.
absl::StatusOr<std::string> CanonicalJson(std::string_view text);

// A JSON string literal of UTF-8 text; ill-formed bytes become U+FFFD.
std::string JsonQuote(std::string_view text);

}  // namespace odw
