#include "executors/text.h"

#include <algorithm>

namespace odw::executors {
namespace {

constexpr char kReplacement[] = "\xEF\xBF\xBD";

bool IsContinuation(unsigned char c) { return (c & 0xc0) == 0x80; }

// The length of the well-formed character at the start of `s`, or 0.
size_t CharacterLength(std::string_view s) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  const size_t length = lead >= 0xf0 && lead <= 0xf4 ? 4 : lead >= 0xe0 && lead < 0xf0 ? 3
                        : lead >= 0xc2 && lead < 0xe0 ? 2 : 0;
  if (length == 0 || s.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if (!IsContinuation(at(i))) return 0;
  }
  const unsigned char second = at(1);
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool surrogate = lead == 0xed && second >= 0xa0;
  const bool too_large = lead == 0xf4 && second >= 0x90;
  return overlong || surrogate || too_large ? 0 : length;
}

}  // namespace

std::string ToValidUtf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  size_t at = 0;
  while (at < bytes.size()) {
    const size_t length = CharacterLength(bytes.substr(at));
    if (length > 0) {
      out.append(bytes, at, length);
      at += length;
      continue;
    }
    out += kReplacement;
    ++at;
    while (at < bytes.size() && IsContinuation(static_cast<unsigned char>(bytes[at]))) ++at;
  }
  return out;
}

bool Mentions(std::string_view text, std::initializer_list<const char*> words) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return tolower(c); });
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return lower.find(word) != std::string::npos; });
}

std::string_view TailOf(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t start = text.size() - bytes_max;
  while (start < text.size() && IsContinuation(static_cast<unsigned char>(text[start]))) ++start;
  return text.substr(start);
}

}  // namespace odw::executors
