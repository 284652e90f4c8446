#include "executors/runtimes/codex/codex_stream.h"

#include <stdlib.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/time/clock.h"
#include "executors/text.h"
#include "executors/usage.h"

namespace odw::executors {
namespace {

using Json = nlohmann::json;

constexpr double kCountMax = 1e15;  // of a number that somebody else wrote

constexpr size_t kQuotedBytesMax = 4000;
constexpr absl::Duration kWaitMax =
    absl::Seconds(10);  // a longer one is the daemon's: it needs no slot to wait

std::string Text(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

const Json& Part(const Json& object, const char* key) {
  static const Json kNone = Json::object();
  const auto it = object.find(key);
  return it != object.end() && it->is_object() ? *it : kNone;
}

uint64_t Count(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_number()
             ? static_cast<uint64_t>(std::clamp(it->get<double>(), 0.0, kCountMax))
             : 0;
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return tolower(c); });
  return text;
}

uint64_t Less(uint64_t all, uint64_t before) { return all - std::min(all, before); }

odw::v1::Usage ReadUsage(const Json& usage) {
  odw::v1::Usage out;
  const uint64_t input = Count(usage, "input_tokens");
  const uint64_t cached = std::min(input, Count(usage, "cached_input_tokens"));
  out.set_input_tokens(input - cached);
  out.set_cached_input_tokens(cached);
  out.set_output_tokens(Count(usage, "output_tokens"));
  out.set_reasoning_tokens(Count(usage, "reasoning_output_tokens"));
  return out;
}

odw::v1::ErrorCategory ByStatus(int status) {
  switch (status) {
    case 400:
      return odw::v1::INVALID_REQUEST;
    case 401:
      return odw::v1::AUTH;
    case 402:
      return odw::v1::QUOTA;
    case 403:
      return odw::v1::PERMISSION;
    case 404:
      return odw::v1::MODEL_NOT_FOUND;
    case 408:
      return odw::v1::NETWORK;
    case 413:
      return odw::v1::CONTEXT_LENGTH;
    case 429:
      return odw::v1::RATE_LIMIT;
    default:
      return status >= 500 ? odw::v1::OVERLOADED : odw::v1::INVALID_REQUEST;
  }
}

}  // namespace

odw::v1::ErrorCategory CodexCategory(const std::string& message) {
  const std::string lower = Lower(message);
  const auto has = [&](const char* words) { return lower.find(words) != std::string::npos; };
  if (has("quota exceeded") || has("usage limit") || has("insufficient_quota"))
    return odw::v1::QUOTA;
  if (has("ran out of room") || has("context_length") || has("context window"))
    return odw::v1::CONTEXT_LENGTH;
  if (has("missing environment variable") || has("not logged in") || has("invalid_api_key"))
    return odw::v1::AUTH;
  if (has("max_output_tokens")) return odw::v1::OUTPUT_TOO_LARGE;
  if (has("content_filter") || has("content policy")) return odw::v1::REFUSED;
  if (has("high demand") || has("overloaded")) return odw::v1::OVERLOADED;
  for (const char* before : {"unexpected status ", "last status: "}) {
    const size_t at = lower.find(before);
    if (at != std::string::npos)
      return ByStatus(atoi(lower.c_str() + at + std::string(before).size()));
  }
  if (has("rate limit")) return odw::v1::RATE_LIMIT;
  if (has("model_not_found") || has("does not exist")) return odw::v1::MODEL_NOT_FOUND;
  if (has("stream disconnected") || has("network") || has("connect") || has("timed out") ||
      has("timeout") || has("idle")) {
    return odw::v1::NETWORK;
  }
  // What is left is the raw body of a 400.
  return has("{") || has("invalid") ? odw::v1::INVALID_REQUEST : odw::v1::CRASHED;
}

void CodexReader::Line(std::string_view line) {
  const Json event = Json::parse(line, nullptr, false);
  if (!event.is_object()) return;
  const std::string type = Text(event, "type");
  limited_since_ = absl::InfiniteFuture();
  if (type == "thread.started") {
    thread_id_ = Text(event, "thread_id");
  } else if (type == "turn.completed") {
    completed_ = true;
    thread_usage_ = ReadUsage(Part(event, "usage"));
  } else if (type == "turn.failed") {
    failure_ = Text(Part(event, "error"), "message");
    if (failure_.empty()) failure_ = "the turn failed";
  } else if (type == "error") {
    last_error_ = Text(event, "message");
    if (CodexCategory(last_error_) == odw::v1::RATE_LIMIT) limited_since_ = absl::Now();
    // It would wait for ever.
    if (Lower(last_error_).find("waiting for network") != std::string::npos) {
      hopeless_.set_category(odw::v1::NETWORK);
      hopeless_.set_message("codex: " + ToValidUtf8(last_error_.substr(0, kQuotedBytesMax)));
    }
  } else if (type == "item.completed") {
    const Json& item = Part(event, "item");
    const std::string kind = Text(item, "type");
    if (kind == "agent_message") {
      spoke_ = true;
      text_ = Text(item, "text");
    } else if (kind != "reasoning" && kind != "error" && kind != "todo_list") {
      ++tool_calls_;
    }
  }
}

odw::v1::Error CodexReader::hopeless() const {
  if (hopeless_.category() != odw::v1::ERROR_CATEGORY_UNSPECIFIED) return hopeless_;
  odw::v1::Error error;
  if (absl::Now() - limited_since_ < kWaitMax) return error;
  error.set_category(odw::v1::RATE_LIMIT);
  error.set_message("codex: " + ToValidUtf8(last_error_.substr(0, kQuotedBytesMax)));
  return error;
}

odw::v1::Usage CodexReader::usage_so_far() const {
  odw::v1::Usage usage;
  usage.set_tool_calls(tool_calls_);
  if (!completed_) return usage;
  usage.set_input_tokens(Less(thread_usage_.input_tokens(), before_.input_tokens()));
  usage.set_cached_input_tokens(
      Less(thread_usage_.cached_input_tokens(), before_.cached_input_tokens()));
  usage.set_output_tokens(Less(thread_usage_.output_tokens(), before_.output_tokens()));
  usage.set_reasoning_tokens(Less(thread_usage_.reasoning_tokens(), before_.reasoning_tokens()));
  usage.set_model_calls(1 + tool_calls_);  // codex tells of none: one a tool call, and the last
  return usage;
}

CliAnswer CodexReader::Finish(const odw::v1::Result& end) {
  CliAnswer answer;
  answer.session_id = thread_id_;
  answer.model = model_;
  answer.text = text_;
  answer.usage = usage_so_far();
  if (completed_) answer.session_usage = thread_usage_;
  AddCost(ListPrice(model_), 0, &answer.usage);
  if (completed_ && failure_.empty()) {
    answer.ok = spoke_;
    if (!spoke_) {
      answer.error.set_category(odw::v1::REFUSED);
      answer.error.set_message("codex: the model ended without an answer, as after a refusal");
    }
    return answer;
  }
  answer.error = end.error();
  if (hopeless_.category() != odw::v1::ERROR_CATEGORY_UNSPECIFIED) {
    answer.error = hopeless_;
    return answer;
  }
  const odw::v1::ErrorCategory category = end.error().category();
  if (!end.ok() && category != odw::v1::EXIT_STATUS) return answer;  // our clocks, or a signal
  const std::string& said = !failure_.empty()      ? failure_
                            : !last_error_.empty() ? last_error_
                                                   : end.error().message();
  answer.session_unknown =
      Lower(end.error().message()).find("no rollout found") != std::string::npos;
  answer.error.set_category(end.ok() ? odw::v1::CRASHED : CodexCategory(said));
  answer.error.set_message("codex: " + ToValidUtf8(said.empty() ? "ended without a word"
                                                                : said.substr(0, kQuotedBytesMax)));
  return answer;
}

}  // namespace odw::executors
