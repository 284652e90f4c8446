#include "executors/runtimes/bamboo/provider.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "executors/errors.h"
#include "executors/text.h"

namespace odw::executors {
namespace {

using Json = nlohmann::json;
using odw::v1::ErrorCategory;

constexpr size_t kQuotedBytesMax = 2000;
// MiniMax and Zhipu have codes of the same numbers, with other meanings.
constexpr char kMiniMax[] = "minimax:";

bool EndsWith(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// The error's own code, as text, wherever the provider puts it.
struct Said {
  std::set<std::string> codes;
  std::string message;
};

void AddCode(const Json& object, const char* key, const char* prefix, Said* said) {
  const auto it = object.find(key);
  if (it == object.end()) return;
  if (it->is_string()) said->codes.insert(prefix + it->get<std::string>());
  if (it->is_number_integer()) said->codes.insert(prefix + std::to_string(it->get<int64_t>()));
}

Said ReadError(std::string_view body) {
  Said said;
  const Json whole = Json::parse(body, nullptr, false);
  if (!whole.is_object()) return said;
  const Json* error = &whole;
  if (whole.contains("error") && whole["error"].is_object()) error = &whole["error"];
  const char* prefix = "";
  if (whole.contains("base_resp") && whole["base_resp"].is_object()) {
    error = &whole["base_resp"];
    prefix = kMiniMax;
  }
  for (const char* key : {"code", "type", "status_code"}) AddCode(*error, key, prefix, &said);
  for (const char* key : {"message", "status_msg"}) {
    const auto it = error->find(key);
    if (it != error->end() && it->is_string()) said.message = it->get<std::string>();
  }
  return said;
}

bool Any(const Said& said, std::initializer_list<const char*> codes) {
  return std::any_of(codes.begin(), codes.end(),
                     [&](const char* c) { return said.codes.count(c) > 0; });
}

// Codes that mean the same whatever the status. 429 alone does not tell "later" from "no money".
ErrorCategory ByCode(const Said& said) {
  if (Any(said, {"insufficient_quota", "exceeded_current_quota_error", "billing_hard_limit_reached",
                 "1113", "1308", "1309", "1310", "minimax:1008", "insufficient_balance"})) {
    return odw::v1::QUOTA;
  }
  if (Any(said, {"context_length_exceeded"})) return odw::v1::CONTEXT_LENGTH;
  if (Any(said, {"model_not_found"})) return odw::v1::MODEL_NOT_FOUND;
  if (Any(said, {"content_filter", "content_policy_violation"})) return odw::v1::REFUSED;
  if (Any(said, {"rate_limit_exceeded", "rate_limit_error", "rate_limit_reached_error", "1302",
                 "1303", "minimax:1002"})) {
    return odw::v1::RATE_LIMIT;
  }
  if (Any(said, {"invalid_api_key", "authentication_error", "invalid_authentication_error",
                 "minimax:1004"}))
    return odw::v1::AUTH;
  return odw::v1::ERROR_CATEGORY_UNSPECIFIED;
}

ErrorCategory ByStatus(long status, const Said& said) {
  const bool bad_request = status == 400 || status == 422;
  if (bad_request && Mentions(said.message, {"context length", "maximum context", "too many tokens",
                                             "prompt is too long"})) {
    return odw::v1::CONTEXT_LENGTH;
  }
  const bool refused = status == 403 || status == 429;
  if (refused && Mentions(said.message, {"quota", "balance", "billing"})) return odw::v1::QUOTA;
  // Only where the status does not say better: some put "server_error" into every body.
  const bool names_itself = Any(said, {"overloaded_error", "engine_overloaded_error"});
  return status == 200 || names_itself ? odw::v1::OVERLOADED : CategoryOfStatus(status);
}

Json ToJson(const Provider* provider, const ChatMessage& message) {
  Json out = {{"role", message.role()}, {"content", message.content()}};
  if (!message.call_id().empty()) out["tool_call_id"] = message.call_id();
  if (message.calls_size() == 0) return out;
  if (message.content().empty()) out["content"] = nullptr;
  for (const ToolCall& call : message.calls()) {
    // Some providers refuse a history with arguments that are no JSON, even if the model wrote
    // them.
    const std::string arguments = Json::accept(call.arguments()) ? call.arguments() : "{}";
    out["tool_calls"].push_back({{"id", call.id()},
                                 {"type", "function"},
                                 {"function", {{"name", call.name()}, {"arguments", arguments}}}});
  }
  const bool split = provider != nullptr && provider->thinking == Thinking::kSplit;
  if (split && !message.reasoning().empty()) {
    out["reasoning_details"] = {{{"type", "reasoning.text"}, {"text", message.reasoning()}}};
  } else if (!message.reasoning().empty() || (provider != nullptr && provider->keeps_reasoning)) {
    out["reasoning_content"] = message.reasoning();
  }
  return out;
}

void AddThinking(const Provider* provider, const std::string& effort, Json* body) {
  const bool off = effort == "none" || effort == "off";
  if (provider == nullptr) {
    if (!effort.empty()) (*body)["reasoning_effort"] = effort;
    return;
  }
  if (provider->thinking == Thinking::kSplit) (*body)["reasoning_split"] = true;
  if (effort.empty()) return;
  if (provider->thinking == Thinking::kTypeField)
    (*body)["thinking"] = {{"type", off ? "disabled" : "enabled"}};
  if (provider->thinking == Thinking::kEnableFlag) (*body)["enable_thinking"] = !off;
  if (provider->takes_effort && !off) (*body)["reasoning_effort"] = effort;
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

std::string RequestBody(const Provider* provider, const ChatRequest& request,
                        const std::vector<ChatMessage>& messages) {
  Json body = {{"model", request.model},
               {"stream", true},
               {"stream_options", {{"include_usage", true}}},
               {"messages", Json::array()}};
  for (const ChatMessage& message : messages) body["messages"].push_back(ToJson(provider, message));
  if (!request.tools_json.empty()) body["tools"] = Json::parse(request.tools_json);
  AddThinking(provider, request.effort, &body);
  if (request.max_tokens > 0) {
    body[provider != nullptr && provider->long_max_tokens ? "max_completion_tokens"
                                                          : "max_tokens"] = request.max_tokens;
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
  error.set_message("HTTP " + std::to_string(response.status) +
                    " from the provider: " + std::string(body.empty() ? "(no body)" : body));
  return error;
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
