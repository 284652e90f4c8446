#include "executors/schema/json_in_text.h"

#include <nlohmann/json.hpp>

namespace odw::executors {
namespace {

constexpr int kPlacesMax = 64;  // openings tried in prose: each may cost a pass over the rest
constexpr size_t kScannedBytesMax = 64 << 20;  // in all: the loop waits meanwhile

bool IsJson(const std::string& text) { return nlohmann::json::accept(text); }

std::string Trim(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// The content of the last ``` fence that is JSON.
std::string FencedJson(const std::string& text) {
  std::string found;
  for (size_t at = text.find("```"); at != std::string::npos;) {
    const size_t line_end = text.find('\n', at);
    const size_t close = line_end == std::string::npos ? line_end : text.find("```", line_end);
    if (close == std::string::npos) break;
    std::string inside = Trim(text.substr(line_end, close - line_end));
    if (IsJson(inside)) found = std::move(inside);
    at = text.find("```", close + 3);
  }
  return found;
}

// Past the bracket that closes the one at `start`, strings skipped; npos when nothing does.
size_t PastClose(const std::string& text, size_t start) {
  int depth = 0;
  bool in_string = false;
  for (size_t at = start; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && --depth == 0) {
      return at + 1;
    }
  }
  return std::string::npos;
}

std::string BareJson(const std::string& text) {
  std::string longest;
  size_t at = text.find_first_of("{[");
  size_t scanned = 0;
  for (int places = 0; at != std::string::npos && places < kPlacesMax; ++places) {
    const size_t end = PastClose(text, at);
    scanned += (end == std::string::npos ? text.size() : end) - at;
    if (places > 0 && scanned > kScannedBytesMax) break;
    std::string inside = end == std::string::npos ? "" : text.substr(at, end - at);
    const bool is_json = !inside.empty() && IsJson(inside);
    if (is_json && inside.size() > longest.size()) longest = std::move(inside);
    at = text.find_first_of("{[", is_json ? end : at + 1);
  }
  return longest;
}

}  // namespace

std::string ExtractJson(const std::string& text) {
  std::string whole = Trim(text);
  if (IsJson(whole)) return whole;
  if (std::string fenced = FencedJson(text); !fenced.empty()) return fenced;
  return BareJson(text);
}

}  // namespace odw::executors
