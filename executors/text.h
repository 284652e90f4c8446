// Small text helpers. Thread-safe.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace odw::executors {

// Each ill-formed byte sequence becomes U+FFFD.
std::string ToValidUtf8(std::string_view bytes);

// The last `bytes_max` bytes, not starting inside a character.
std::string_view TailOf(std::string_view text, size_t bytes_max);

// Whether any of the words, which are in lower case, stands in the text, in whatever case.
bool Mentions(std::string_view text, std::initializer_list<const char*> words);

}  // namespace odw::executors
