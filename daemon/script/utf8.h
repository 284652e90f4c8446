// Where text stops being UTF-8. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace odw::script {

struct Utf8Fault {
  uint32_t line, column;  // from 1; columns count bytes here, for the text is no text
};

// The first byte that is not part of a well-formed sequence.
std::optional<Utf8Fault> FindUtf8Fault(std::string_view text);

}  // namespace odw::script
