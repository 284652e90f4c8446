#include "executors/runtimes/mock/directives.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

namespace odw::executors {
namespace {

struct Directive {
  std::string name;
  std::string argument;
};

bool IsNameChar(char c) { return (c >= 'a' && c <= 'z') || c == '-'; }
bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// \n, \t, \] and \\ in texts; in JSON only \] is ours.
std::string Unescape(const std::string& text, const std::string& escapes) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size() || escapes.find(text[i + 1]) == std::string::npos) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    out += c == 'n' ? '\n' : c == 't' ? '\t' : c;
  }
  return out;
}

// Where the next unescaped "]]" that no third bracket follows begins.
size_t FindEnd(const std::string& text, size_t from) {
  for (size_t i = from; i + 1 < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == ']' && text[i + 1] == ']' && text.compare(i + 2, 1, "]") != 0) {
      return i;
    }
  }
  return std::string::npos;
}

// Cuts the directive that starts at `*at` ("[["), moving `*at` past it. It ends at the first "]]" that no
// third bracket follows, so that JSON lists need no escapes; [[json:...]] at the first that leaves JSON,
// where there is one. False when there is none here.
bool TakeDirective(const std::string& text, size_t* at, Directive* out) {
  size_t name_end = *at + 2;
  while (name_end < text.size() && IsNameChar(text[name_end])) ++name_end;
  if (name_end == *at + 2 || name_end >= text.size()) return false;
  const bool has_argument = text[name_end] == ':';
  if (!has_argument && text.compare(name_end, 2, "]]") != 0) return false;
  out->name = text.substr(*at + 2, name_end - *at - 2);
  const size_t start = name_end + (has_argument ? 1 : 0);
  size_t first_end = std::string::npos;
  for (size_t end = FindEnd(text, start); end != std::string::npos; end = FindEnd(text, end + 1)) {
    if (first_end == std::string::npos) first_end = end;
    out->argument = text.substr(start, end - start);
    *at = end + 2;
    const bool is_json = out->name == "json" || out->name == "then-json";
    if (!is_json || nlohmann::json::accept(Unescape(out->argument, "]"))) return true;
  }
  if (first_end == std::string::npos) return false;
  out->argument = text.substr(start, first_end - start);
  *at = first_end + 2;
  return true;
}

template <typename T>
bool ParseNumber(const std::string& text, T* out) {
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, *out);
  return parsed.ec == std::errc() && parsed.ptr == end && !text.empty();
}

bool ApplyUsage(const std::string& argument, MockPlan* plan) {
  size_t start = 0;
  while (start <= argument.size()) {
    const size_t end = std::min(argument.find(',', start), argument.size());
    const std::string part = argument.substr(start, end - start);
    const size_t equals = part.find('=');
    uint64_t count;
    if (equals == std::string::npos || !ParseNumber(part.substr(equals + 1), &count)) return false;
    const std::string key = part.substr(0, equals);
    if (key == "in") plan->input_tokens = count;
    else if (key == "out") plan->output_tokens = count;
    else if (key == "cached") plan->cached_tokens = count;
    else return false;
    start = end + 1;
  }
  return true;
}

bool ApplyFail(const std::string& argument, MockPlan* plan) {
  const size_t colon = argument.find(':');
  const auto category = ParseErrorCategory(argument.substr(0, colon));
  if (!category) return false;
  plan->fail = *category;
  return colon == std::string::npos || ParseNumber(argument.substr(colon + 1), &plan->fail_attempts);
}

bool ApplyAppend(const std::string& argument, MockPlan* plan) {
  const size_t colon = argument.find(':');
  if (colon == std::string::npos || colon == 0) return false;
  plan->appends.emplace_back(argument.substr(0, colon), Unescape(argument.substr(colon + 1), "nt]\\"));
  return true;
}

struct Rule {
  const char* usage;
  std::function<bool(const std::string& argument, MockPlan* plan)> apply;
};

const std::map<std::string, Rule>& Rules() {
  static const auto* const rules = new std::map<std::string, Rule>{
      {"delay", {"[[delay:MS]]", [](auto& a, auto* p) { return ParseNumber(a, &p->delay_ms); }}},
      {"say", {"[[say:TEXT]]", [](auto& a, auto* p) { p->say = Unescape(a, "nt]\\"); return true; }}},
      {"json", {"[[json:JSON]]", [](auto& a, auto* p) { p->json = Unescape(a, "]"); return true; }}},
      {"then-json", {"[[then-json:JSON]]", [](auto& a, auto* p) {
         p->then_json.push_back(Unescape(a, "]"));
         return true; }}},
      {"usage", {"[[usage:in=9,out=8,cached=7]]", ApplyUsage}},
      {"fail", {"[[fail:CATEGORY]] or [[fail:CATEGORY:ATTEMPTS]], CATEGORY an ErrorCategory such as "
                "rate_limit", ApplyFail}},
      {"append", {"[[append:FILE:TEXT]]", ApplyAppend}},
      {"big", {"[[big:KIB]], at most 65536", [](auto& a, auto* p) {
         return ParseNumber(a, &p->big_kib.emplace(0)) && *p->big_kib <= kMockBigKibMax; }}},
      {"hang", {"[[hang]]", [](auto& a, auto* p) { return p->hang = a.empty(); }}},
  };
  return *rules;
}

std::string Trim(const std::string& text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

absl::StatusOr<MockPlan> ParseMockPrompt(const std::string& prompt) {
  MockPlan plan;
  size_t at = 0;
  while (at < prompt.size()) {
    Directive directive;
    if (prompt.compare(at, 2, "[[") != 0 || !TakeDirective(prompt, &at, &directive)) {
      plan.rest += prompt[at++];
      continue;
    }
    const auto rule = Rules().find(directive.name);
    if (rule == Rules().end()) {
      std::string known;
      for (const auto& [name, unused] : Rules()) known += (known.empty() ? "" : ", ") + name;
      return absl::InvalidArgumentError("the mock runtime has no directive [[" + directive.name +
                                        "]]; it has " + known);
    }
    if (!rule->second.apply(directive.argument, &plan)) {
      return absl::InvalidArgumentError("[[" + directive.name + ":" +
                                        FirstCharacters(directive.argument, 80) +
                                        "]] is malformed: write " + rule->second.usage);
    }
  }
  plan.rest = Trim(plan.rest);
  return plan;
}

std::optional<odw::v1::ErrorCategory> ParseErrorCategory(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return toupper(c); });
  odw::v1::ErrorCategory category;
  if (!odw::v1::ErrorCategory_Parse(name, &category)) return std::nullopt;
  if (category == odw::v1::ERROR_CATEGORY_UNSPECIFIED) return std::nullopt;
  return category;
}

size_t CountCharacters(const std::string& text) {
  return text.size() - static_cast<size_t>(std::count_if(text.begin(), text.end(), IsContinuation));
}

std::string FirstCharacters(const std::string& text, size_t count) {
  size_t end = 0;
  while (end < text.size() && count > 0) {
    ++end;
    while (end < text.size() && IsContinuation(text[end])) ++end;
    --count;
  }
  return text.substr(0, end);
}

}  // namespace odw::executors
