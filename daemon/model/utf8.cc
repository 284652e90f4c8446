#include "daemon/model/utf8.h"

#include <algorithm>

namespace odw::model {
namespace {

// Bytes that a lead byte announces after itself; -1: no lead byte.
int Continuations(unsigned char lead) {
  if (lead < 0x80) return 0;
  if (lead >= 0xC2 && lead < 0xE0) return 1;
  if (lead >= 0xE0 && lead < 0xF0) return 2;
  if (lead >= 0xF0 && lead < 0xF5) return 3;
  return -1;
}

// Overlong forms, surrogates and numbers past U+10FFFF show in the second byte.
bool SecondByteFits(unsigned char lead, unsigned char second) {
  if (lead == 0xE0) return second >= 0xA0;
  if (lead == 0xED) return second < 0xA0;
  if (lead == 0xF0) return second >= 0x90;
  if (lead == 0xF4) return second < 0x90;
  return true;
}

bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

Utf8Scan ScanUtf8(std::string_view text) {
  Utf8Scan scan;
  for (size_t i = 0; i < text.size(); ++scan.chars) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const int more = Continuations(lead);
    bool ok = more >= 0 && i + static_cast<size_t>(more) < text.size();
    for (int k = 1; ok && k <= more; ++k) {
      const char next = text[i + static_cast<size_t>(k)];
      ok = IsContinuation(next) && (k > 1 || SecondByteFits(lead, static_cast<unsigned char>(next)));
    }
    if (!ok) return {.ok = false, .bad_byte = i, .chars = scan.chars};
    i += 1 + static_cast<size_t>(more);
  }
  return scan;
}

TextPlace PlaceOf(std::string_view text, size_t byte) {
  TextPlace place;
  const std::string_view before = text.substr(0, std::min(byte, text.size()));
  for (const char c : before) {
    if (c == '\n') {
      ++place.line;
      place.column = 1;
    } else if (!IsContinuation(c)) {
      ++place.column;
    }
  }
  return place;
}

std::string_view CutUtf8(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  while (end > 0 && IsContinuation(text[end])) --end;
  return text.substr(0, end);
}

}  // namespace odw::model
