#include "executors/runtimes/codex/codex_stream.h"

#include <stdlib.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/time/clock.h"
#include "executors/errors.h"
#include "executors/json_fields.h"
#include "executors/text.h"
#include "executors/usage.h"

namespace odw::executors {
namespace {

using Json = nlohmann::json;

constexpr size_t kQuotedBytesMax = 4000;
constexpr absl::Duration kWaitMax =
    absl::Seconds(10);  // a longer one is the daemon's: it needs no slot to wait

uint64_t Less(uint64_t all, uint64_t before) { return all - std::min(all, before); }

odw::v1::Usage ReadUsage(const Json& usage) {
  odw::v1::Usage out;
  const uint64_t input = CountOf(usage, "input_tokens");
  const uint64_t cached = std::min(input, CountOf(usage, "cached_input_tokens"));
  out.set_input_tokens(input - cached);
  out.set_cached_input_tokens(cached);
  out.set_output_tokens(CountOf(usage, "output_tokens"));
  out.set_reasoning_tokens(CountOf(usage, "reasoning_output_tokens"));
  return out;
}

uint64_t TokensOf(const odw::v1::Usage& usage) {
  return usage.input_tokens() + usage.cached_input_tokens() + usage.output_tokens();
}

}  // namespace

odw::v1::ErrorCategory CodexCategory(const std::string& message) {
  const auto has = [&](std::initializer_list<const char*> words) {
    return Mentions(message, words);
  };
  if (has({"quota exceeded", "usage limit", "insufficient_quota"})) return odw::v1::QUOTA;
  if (has({"ran out of room", "context_length", "context window", "exceeds the maximum length"}))
    return odw::v1::CONTEXT_LENGTH;
  if (has({"missing environment variable", "not logged in", "invalid_api_key"}))
    return odw::v1::AUTH;
  if (has({"max_output_tokens"})) return odw::v1::OUTPUT_TOO_LARGE;
  if (has({"content_filter", "content policy"})) return odw::v1::REFUSED;
  if (has({"high demand", "overloaded"})) return odw::v1::OVERLOADED;
  for (const std::string before : {"unexpected status ", "last status: "}) {
    const size_t at = message.find(before);
    if (at != std::string::npos)
      return CategoryOfStatus(atoi(message.c_str() + at + before.size()));
  }
  if (has({"rate limit"})) return odw::v1::RATE_LIMIT;
  if (has({"model_not_found", "does not exist"})) return odw::v1::MODEL_NOT_FOUND;
  if (has({"stream disconnected", "network", "connect", "timed out", "timeout", "idle"}))
    return odw::v1::NETWORK;
  // What is left is the raw body of a 400.
  return has({"{", "invalid"}) ? odw::v1::INVALID_REQUEST : odw::v1::CRASHED;
}

void CodexReader::Line(std::string_view line) {
  const Json event = Json::parse(line, nullptr, false);
  if (!event.is_object()) return;
  const std::string type = TextOf(event, "type");
  limited_since_ = absl::InfiniteFuture();
  if (type == "thread.started") {
    thread_id_ = TextOf(event, "thread_id");
  } else if (type == "turn.completed") {
    completed_ = true;
    thread_usage_ = ReadUsage(PartOf(event, "usage"));
  } else if (type == "turn.failed") {
    failure_ = TextOf(PartOf(event, "error"), "message");
    if (failure_.empty()) failure_ = "the turn failed";
  } else if (type == "error") {
    last_error_ = TextOf(event, "message");
    if (CodexCategory(last_error_) == odw::v1::RATE_LIMIT) limited_since_ = absl::Now();
    // It would wait for ever.
    if (Mentions(last_error_, {"waiting for network"})) {
      hopeless_.set_category(odw::v1::NETWORK);
      hopeless_.set_message("codex: " + ToValidUtf8(last_error_.substr(0, kQuotedBytesMax)));
    }
  } else if (type == "item.completed") {
    const Json& item = PartOf(event, "item");
    const std::string kind = TextOf(item, "type");
    if (kind == "agent_message") {
      spoke_ = true;
      text_ = TextOf(item, "text");
    } else if (kind != "reasoning" && kind != "error" && kind != "todo_list") {
      ++tool_calls_;
    }
  }
}

// A call is told of at its end and, by older versions only then, once its tools have run. The latter
// sum and the turn's own leave out a former turn's last call that was cut off before that: where
// there are records they alone count. What does not add to the sum is of an earlier turn.
void CodexReader::TranscriptLine(std::string_view line) {
  const bool may_tell = line.find("\"token_usage_record\"") != std::string_view::npos ||
                        line.find("\"token_count\"") != std::string_view::npos;
  if (!may_tell) return;  // they can be large
  const Json entry = Json::parse(line, nullptr, false);
  if (!entry.is_object()) return;
  const Json& payload = PartOf(entry, "payload");
  odw::v1::Usage sum;
  if (TextOf(entry, "type") == "token_usage_record") {
    has_records_ = true;
    sum = ReadUsage(PartOf(payload, "thread_token_usage"));
  } else if (!has_records_ && TextOf(payload, "type") == "token_count") {
    sum = ReadUsage(PartOf(PartOf(payload, "info"), "total_token_usage"));
  }
  if (TokensOf(sum) <= TokensOf(written_down_)) return;
  written_down_ = sum;
  ++calls_written_;
}

odw::v1::Error CodexReader::hopeless() const {
  if (hopeless_.category() != odw::v1::ERROR_CATEGORY_UNSPECIFIED) return hopeless_;
  odw::v1::Error error;
  if (absl::Now() - limited_since_ < kWaitMax) return error;
  error.set_category(odw::v1::RATE_LIMIT);
  error.set_message("codex: " + ToValidUtf8(last_error_.substr(0, kQuotedBytesMax)));
  return error;
}

const odw::v1::Usage& CodexReader::ThreadUsage() const {
  const bool by_records = has_records_ && calls_written_ > 0;
  return completed_ && !by_records ? thread_usage_ : written_down_;
}

odw::v1::Usage CodexReader::usage_so_far() const {
  odw::v1::Usage usage;
  const odw::v1::Usage& thread = ThreadUsage();
  usage.set_input_tokens(Less(thread.input_tokens(), before_.input_tokens()));
  usage.set_cached_input_tokens(Less(thread.cached_input_tokens(), before_.cached_input_tokens()));
  usage.set_output_tokens(Less(thread.output_tokens(), before_.output_tokens()));
  usage.set_reasoning_tokens(Less(thread.reasoning_tokens(), before_.reasoning_tokens()));
  if (TokensOf(usage) > 0) AddCost(ListPrice(model_), 0, &usage);
  usage.set_tool_calls(tool_calls_);
  usage.set_model_calls(calls_written_);
  // Its stdout tells of no calls: one for each tool call, and the last.
  if (completed_ && calls_written_ == 0) usage.set_model_calls(1 + tool_calls_);
  return usage;
}

CliAnswer CodexReader::Finish(const odw::v1::Result& end) {
  CliAnswer answer;
  answer.session_id = thread_id_;
  answer.model = model_;
  answer.text = text_;
  answer.usage = usage_so_far();
  if (completed_ || calls_written_ > 0) answer.session_usage = ThreadUsage();
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
  answer.session_unknown = Mentions(end.error().message(), {"no rollout found"});
  answer.error.set_category(end.ok() ? odw::v1::CRASHED : CodexCategory(said));
  answer.error.set_message("codex: " + ToValidUtf8(said.empty() ? "ended without a word"
                                                                : said.substr(0, kQuotedBytesMax)));
  return answer;
}

}  // namespace odw::executors
