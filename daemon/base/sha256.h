// SHA-256 of bytes. Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace odw {

// 32 raw bytes.
std::string Sha256(std::string_view bytes);
std::string HexEncode(std::string_view bytes);

}  // namespace odw
