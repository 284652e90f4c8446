// Whether bytes are UTF-8, and how many characters they are. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <string_view>

namespace odw::model {

struct Utf8Scan {
  bool ok = true;
  size_t bad_byte = 0;  // !ok: the first that is not part of a well-formed sequence
  size_t chars = 0;     // before that byte, or in all
};

// Overlong forms, surrogates and numbers past U+10FFFF are ill-formed.
Utf8Scan ScanUtf8(std::string_view text);

// Line and column of a byte, both from 1; a column counts characters as far as the text is UTF-8.
struct TextPlace {
  size_t line = 1;
  size_t column = 1;
};
TextPlace PlaceOf(std::string_view text, size_t byte);

// The longest prefix of at most `bytes_max` bytes that does not end inside a character.
std::string_view CutUtf8(std::string_view text, size_t bytes_max);

}  // namespace odw::model
