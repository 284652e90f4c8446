#include "client/output/text.h"

#include <time.h>
#include <wchar.h>

#include <algorithm>
#include <cctype>
#include <cstdio>

namespace odw::client {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr char kEllipsis[] = "…";

struct Decoded {
  char32_t point = kReplacement;
  size_t bytes = 1;
};

// The first character of `text`; U+FFFD of one byte where it is ill-formed.
Decoded Decode(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return {lead, 1};
  const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {};
  char32_t point = lead & (0x7F >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((at(i) & 0xC0) != 0x80) return {};
    point = (point << 6) | (at(i) & 0x3F);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  if (point < kLeast[bytes] || surrogate || point > 0x10FFFF) return {};
  return {point, bytes};
}

// Characters that steer a terminal, or change where and whether others are shown.
bool IsUnsafe(char32_t point) {
  if (point < 0x20 || (point >= 0x7F && point < 0xA0)) return true;
  if (point == 0x061C || point == 0x200E || point == 0x200F) return true;  // direction marks
  if (point >= 0x202A && point <= 0x202E) return true;                     // embeddings, overrides
  if (point >= 0x2066 && point <= 0x206F) return true;                     // isolates
  if (point == 0x200B || point == 0x2060 || point == 0xFEFF) return true;  // zero width
  if (point == 0x2028 || point == 0x2029) return true;                     // line separators
  return point >= 0xE0000 && point <= 0xE007F;                             // tags
}

template <typename Special>
std::string Filter(std::string_view text, Special special) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Decoded next = Decode(text);
    if (!special(next.point, &out) && !IsUnsafe(next.point)) {
      if (next.point == kReplacement && next.bytes == 1) {
        out += "\xEF\xBF\xBD";
      } else {
        out.append(text.substr(0, next.bytes));
      }
    }
    text.remove_prefix(next.bytes);
  }
  return out;
}

int WidthOf(char32_t point) {
  if (point < 0x300) return 1;
  const int width = wcwidth(static_cast<wchar_t>(point));
  return width < 0 ? 1 : width;  // unknown to the C library, or its locale is not UTF-8
}

std::string Printf(const char* format, double value) {
  char buffer[64];
  snprintf(buffer, sizeof buffer, format, value);
  return buffer;
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return tolower(c); });
  return text;
}

}  // namespace

std::string OneLine(std::string_view text) {
  return Filter(text, [](char32_t point, std::string* out) {
    if (point != '\n' && point != '\t' && point != '\r' && point != 0x2028) return false;
    if (!out->empty() && out->back() != ' ') out->push_back(' ');
    return true;
  });
}

std::string SafeText(std::string_view text) {
  return Filter(text, [](char32_t point, std::string* out) {
    if (point != '\n' && point != '\t') return false;
    out->push_back(static_cast<char>(point));
    return true;
  });
}

int DisplayWidth(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    const Decoded next = Decode(text);
    width += WidthOf(next.point);
    text.remove_prefix(next.bytes);
  }
  return width;
}

std::string Fit(std::string_view text, int columns) {
  if (columns <= 0) return "";
  if (DisplayWidth(text) <= columns) return std::string(text);
  std::string out;
  int width = 0;
  while (!text.empty()) {
    const Decoded next = Decode(text);
    const int more = WidthOf(next.point);
    if (width + more > columns - 1) break;
    width += more;
    out.append(text.substr(0, next.bytes));
    text.remove_prefix(next.bytes);
  }
  return out + kEllipsis;
}

std::string Pad(std::string_view text, int columns) {
  std::string out = Fit(text, columns);
  out.append(std::max(0, columns - DisplayWidth(out)), ' ');
  return out;
}

std::string FormatCount(uint64_t count) {
  if (count < 1000) return std::to_string(count);
  if (count < 999'950) return Printf("%.1fk", static_cast<double>(count) / 1e3);
  return Printf("%.1fM", static_cast<double>(count) / 1e6);
}

std::string FormatMillis(int64_t millis) {
  millis = std::max<int64_t>(millis, 0);
  char buffer[64];
  const long long seconds = millis / 1000;
  if (millis < 1000) {
    snprintf(buffer, sizeof buffer, "%lldms", static_cast<long long>(millis));
  } else if (millis < 60'000) {
    snprintf(buffer, sizeof buffer, "%.1fs", static_cast<double>(millis / 100) / 10);
  } else if (seconds < 3600) {
    snprintf(buffer, sizeof buffer, "%lldm%02llds", seconds / 60, seconds % 60);
  } else {
    snprintf(buffer, sizeof buffer, "%lldh%02lldm", seconds / 3600, seconds / 60 % 60);
  }
  return buffer;
}

std::string FormatMoney(int64_t micros, const std::string& currency) {
  return Printf("%.4f ", static_cast<double>(micros) / 1e6) + OneLine(currency);
}

std::string FormatCost(const v1::Usage& usage) {
  std::string text;
  if (!usage.currency().empty()) text = FormatMoney(usage.cost_micros(), usage.currency());
  for (const v1::Money& other : usage.other_costs()) {
    text += (text.empty() ? "" : " + ") + FormatMoney(other.micros(), other.currency());
  }
  return text;
}

std::string FormatUnixMillis(int64_t unix_ms) {
  if (unix_ms <= 0) return "-";
  const time_t seconds = unix_ms / 1000;
  tm local = {};
  localtime_r(&seconds, &local);
  char buffer[64];
  strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M:%S", &local);
  return buffer;
}

uint64_t TotalTokens(const v1::Usage& usage) {
  return usage.input_tokens() + usage.output_tokens() + usage.cached_input_tokens();
}

std::string StateName(v1::RunState state) {
  if (state == v1::RUN_STATE_UNSPECIFIED) return "unknown";
  return Lower(v1::RunState_Name(state));
}

std::string HealthName(v1::Health health) {
  return health == v1::DEGRADED ? "degraded" : health == v1::OK ? "ok" : "unknown";
}

std::string SchemaPathName(v1::SchemaPath path) {
  constexpr size_t kPrefix = sizeof "SCHEMA_PATH_" - 1;
  return Lower(v1::SchemaPath_Name(path))
      .substr(std::min(kPrefix, v1::SchemaPath_Name(path).size()));
}

std::string CategoryName(v1::ErrorCategory category) {
  if (category == v1::ERROR_CATEGORY_UNSPECIFIED) return "error";
  return Lower(v1::ErrorCategory_Name(category));
}

}  // namespace odw::client
