#include "executors/runtimes/bamboo/provider.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "executors/text.h"

namespace odw::executors {
namespace {

using Json = nlohmann::json;
using odw::v1::ErrorCategory;

constexpr size_t kQuotedBytesMax = 2000;

bool EndsWith(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// The error's own code, as text, wherever the provider puts it.
struct Said {
  std::set<std::string> codes;
  std::string message;
};

void AddCode(const Json& object, const char* key, Said* said) {
  const auto it = object.find(key);
  if (it == object.end()) return;
  if (it->is_string()) said->codes.insert(it->get<std::string>());
  if (it->is_number_integer()) said->codes.insert(std::to_string(it->get<int64_t>()));
}

Said ReadError(std::string_view body) {
  Said said;
  const Json whole = Json::parse(body, nullptr, false);
  if (!whole.is_object()) return said;
  const Json* error = &whole;
  if (whole.contains("error") && whole["error"].is_object()) error = &whole["error"];
  if (whole.contains("base_resp") && whole["base_resp"].is_object()) error = &whole["base_resp"];
  for (const char* key : {"code", "type", "status_code"}) AddCode(*error, key, &said);
  for (const char* key : {"message", "status_msg"}) {
    const auto it = error->find(key);
    if (it != error->end() && it->is_string()) said.message = it->get<std::string>();
  }
  return said;
}

bool Any(const Said& said, std::initializer_list<const char*> codes) {
  return std::any_of(codes.begin(), codes.end(), [&](const char* c) { return said.codes.count(c) > 0; });
}

bool Mentions(const Said& said, std::initializer_list<const char*> words) {
  std::string lower = said.message;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return tolower(c); });
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return lower.find(word) != std::string::npos; });
}

// Codes that mean the same whatever the status. 429 alone does not tell "later" from "no money".
ErrorCategory ByCode(const Said& said) {
  if (Any(said, {"insufficient_quota", "exceeded_current_quota_error", "billing_hard_limit_reached", "1113",
                 "1308", "1309", "1310", "1008"})) {
    return odw::v1::PERMISSION;
  }
  if (Any(said, {"context_length_exceeded"})) return odw::v1::CONTEXT_LENGTH;
  if (Any(said, {"model_not_found"})) return odw::v1::MODEL_NOT_FOUND;
  if (Any(said, {"content_filter", "content_policy_violation"})) return odw::v1::REFUSED;
  if (Any(said, {"rate_limit_exceeded", "rate_limit_error", "rate_limit_reached_error", "1302", "1303",
                 "1002"})) {
    return odw::v1::RATE_LIMIT;
  }
  if (Any(said, {"invalid_api_key", "authentication_error", "1004"})) return odw::v1::AUTH;
  if (Any(said, {"server_error", "overloaded_error", "engine_overloaded_error"})) return odw::v1::OVERLOADED;
  return odw::v1::ERROR_CATEGORY_UNSPECIFIED;
}

ErrorCategory ByStatus(long status, const Said& said) {
  switch (status) {
    case 400:
    case 422:
      return Mentions(said, {"context length", "maximum context", "too many tokens", "prompt is too long"})
                 ? odw::v1::CONTEXT_LENGTH
                 : odw::v1::INVALID_REQUEST;
    case 401: return odw::v1::AUTH;
    case 402:
    case 403: return odw::v1::PERMISSION;
    case 404: return odw::v1::MODEL_NOT_FOUND;
    case 408: return odw::v1::NETWORK;
    case 413: return odw::v1::CONTEXT_LENGTH;
    case 429:
      return Mentions(said, {"quota", "balance", "billing"}) ? odw::v1::PERMISSION : odw::v1::RATE_LIMIT;
    default: break;
  }
  if (status >= 500 || status == 200) return odw::v1::OVERLOADED;
  return odw::v1::INVALID_REQUEST;
}

bool IsJson(const std::string& text) { return Json::accept(text); }

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
    const std::string inside = Trim(text.substr(line_end, close - line_end));
    if (IsJson(inside)) found = inside;
    at = text.find("```", close + 3);
  }
  return found;
}

// From the first opening bracket to the last closing one of its kind.
std::string BareJson(const std::string& text) {
  const size_t start = text.find_first_of("{[");
  if (start == std::string::npos) return "";
  const size_t end = text.rfind(text[start] == '{' ? '}' : ']');
  if (end == std::string::npos || end < start) return "";
  const std::string inside = text.substr(start, end - start + 1);
  return IsJson(inside) ? inside : "";
}

}  // namespace

std::string CompletionsUrl(const std::string& provider, std::string base_url) {
  while (!base_url.empty() && base_url.back() == '/') base_url.pop_back();
  if (EndsWith(base_url, "/chat/completions")) return base_url;
  if (provider == "deepseek" || EndsWith(base_url, "/v1") || EndsWith(base_url, "/v4")) {
    return base_url + "/chat/completions";
  }
  return base_url + "/v1/chat/completions";
}

std::string RequestBody(const std::string& provider, const ChatRequest& request,
                        const std::vector<ChatMessage>& messages) {
  Json body = {{"model", request.model},
               {"stream", true},
               {"stream_options", {{"include_usage", true}}},
               {"messages", Json::array()}};
  for (const ChatMessage& message : messages) {
    body["messages"].push_back({{"role", message.role}, {"content", message.content}});
  }
  if (!request.effort.empty()) body["reasoning_effort"] = request.effort;
  if (request.max_tokens > 0) {
    const bool newer = provider == "kimi" || provider == "minimax" || provider == "xiaomi";
    body[newer ? "max_completion_tokens" : "max_tokens"] = request.max_tokens;
  }
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

odw::v1::Error ToError(const HttpResponse& response, std::string_view body) {
  const Said said = ReadError(body);
  odw::v1::Error error;
  ErrorCategory category = ByCode(said);
  if (category == odw::v1::ERROR_CATEGORY_UNSPECIFIED) category = ByStatus(response.status, said);
  error.set_category(category);
  error.set_retry_after_ms(static_cast<uint32_t>(
      std::clamp<int64_t>(absl::ToInt64Milliseconds(response.retry_after), 0, UINT32_MAX)));
  error.set_message("HTTP " + std::to_string(response.status) + " from the provider: " +
                    std::string(body.empty() ? "(no body)" : body));
  return error;
}

std::string ExtractJson(const std::string& text) {
  const std::string whole = Trim(text);
  if (IsJson(whole)) return whole;
  if (std::string fenced = FencedJson(text); !fenced.empty()) return fenced;
  return BareJson(text);
}

std::string QuoteForPeople(std::string_view text, const std::string& secret) {
  std::string out(text);
  if (!secret.empty()) {
    for (size_t at = out.find(secret); at != std::string::npos; at = out.find(secret, at)) {
      out.replace(at, secret.size(), "[key]");
    }
  }
  if (out.size() > kQuotedBytesMax) {
    out.resize(kQuotedBytesMax);
    out += "...";
  }
  return ToValidUtf8(out);
}

}  // namespace odw::executors
