#include "executors/runtimes/claude/claude_stream.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "executors/text.h"
#include "executors/usage.h"

namespace odw::executors {
namespace {

using Json = nlohmann::json;

constexpr double kCountMax = 1e15;  // of a number that somebody else wrote
using odw::v1::ErrorCategory;

constexpr size_t kQuotedBytesMax = 4000;
constexpr char kSchemaTool[] = "StructuredOutput";
constexpr uint32_t kSchemaTriesUnknown = 1;
constexpr uint64_t kBytesPerToken = 4;  // an estimate
constexpr auto kReplace = Json::error_handler_t::replace;
constexpr uint32_t kWaitMsMax = 10'000;  // a longer one is the daemon's: it needs no slot to wait

std::string Text(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_string() ? it->get<std::string>() : "";
}

uint64_t Count(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_number()
             ? static_cast<uint64_t>(std::clamp(it->get<double>(), 0.0, kCountMax))
             : 0;
}

const Json& Part(const Json& object, const char* key) {
  static const Json kNone = Json::object();
  const auto it = object.find(key);
  return it != object.end() && (it->is_object() || it->is_array()) ? *it : kNone;
}

bool Mentions(const std::string& text, std::initializer_list<const char*> words) {
  std::string lower = text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return tolower(c); });
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return lower.find(word) != std::string::npos; });
}

// Adds a usage object of the API. Returns the tokens that were written to its cache.
uint64_t AddApiUsage(const Json& api, odw::v1::Usage* usage) {
  const uint64_t written = Count(api, "cache_creation_input_tokens");
  usage->set_input_tokens(usage->input_tokens() + Count(api, "input_tokens") + written);
  usage->set_cached_input_tokens(usage->cached_input_tokens() +
                                 Count(api, "cache_read_input_tokens"));
  usage->set_output_tokens(usage->output_tokens() + Count(api, "output_tokens"));
  usage->set_reasoning_tokens(usage->reasoning_tokens() +
                              Count(Part(api, "output_tokens_details"), "thinking_tokens"));
  return written;
}

ErrorCategory ByStatus(uint64_t status, const std::string& text) {
  switch (status) {
    case 400:
      return Mentions(text, {"prompt is too long", "context"}) ? odw::v1::CONTEXT_LENGTH
             : Mentions(text, {"credit balance"})              ? odw::v1::QUOTA
                                                               : odw::v1::INVALID_REQUEST;
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
      return Mentions(text, {"quota", "credit balance", "billing", "usage limit"})
                 ? odw::v1::QUOTA
                 : odw::v1::RATE_LIMIT;
    default:
      return status >= 500 ? odw::v1::OVERLOADED : odw::v1::INVALID_REQUEST;
  }
}

ErrorCategory ByWords(const std::string& text) {
  if (Mentions(text, {"not logged in", "/login", "invalid api key", "failed to authenticate"}))
    return odw::v1::AUTH;
  if (Mentions(text, {"credit balance", "usage limit", "quota"})) return odw::v1::QUOTA;
  if (Mentions(text, {"overloaded"})) return odw::v1::OVERLOADED;
  if (Mentions(text, {"prompt is too long"})) return odw::v1::CONTEXT_LENGTH;
  if (Mentions(text, {"output token", "max_tokens"})) return odw::v1::OUTPUT_TOO_LARGE;
  if (Mentions(text, {"usage policy"})) return odw::v1::REFUSED;
  if (Mentions(text, {"connect", "socket", "network", "timed out", "timeout", "fetch failed",
                      "econn", "stream"})) {
    return odw::v1::NETWORK;
  }
  return odw::v1::CRASHED;
}

ErrorCategory CategoryOf(const Json& result, const std::string& text) {
  const std::string reason = Text(result, "terminal_reason");
  const std::string subtype = Text(result, "subtype");
  if (reason == "prompt_too_long") return odw::v1::CONTEXT_LENGTH;
  if (subtype == "error_max_turns") return odw::v1::LIMIT;
  if (subtype == "error_max_budget_usd") return odw::v1::BUDGET;
  if (const uint64_t status = Count(result, "api_error_status"); status > 0)
    return ByStatus(status, text);
  if (Text(result, "stop_reason") == "refusal") return odw::v1::REFUSED;
  return ByWords(text);
}

std::string WordsOf(const Json& result) {
  std::string text = Text(result, "result");
  for (const Json& error : Part(result, "errors")) {
    if (error.is_string()) text += (text.empty() ? "" : "; ") + error.get<std::string>();
  }
  return text;
}

// An end without a result line: our own clocks and signals, or a refusal to start.
void FillFromEnd(const odw::v1::Result& end, CliAnswer* answer) {
  answer->error = end.error();
  const std::string& message = end.error().message();
  answer->session_unknown = Mentions(message, {"no conversation found"});
  if (end.ok()) {
    answer->error.set_category(odw::v1::CRASHED);
    answer->error.set_message("claude ended without a result");
  } else if (end.error().category() == odw::v1::EXIT_STATUS) {
    const bool schema = Mentions(message, {"--json-schema"});
    answer->schema_refused = schema;
    answer->error.set_category(schema ? odw::v1::INVALID_REQUEST : ByWords(message));
    answer->error.set_message("claude: " + message);
  }
}

}  // namespace

void ClaudeReader::Line(std::string_view line) {
  const Json event = Json::parse(line, nullptr, false);
  if (!event.is_object()) return;
  const std::string type = Text(event, "type");
  if (const std::string session = Text(event, "session_id"); !session.empty())
    session_id_ = session;
  if (type == "result") {
    result_line_ = line;
  } else if (type == "system" && Text(event, "subtype") == "api_retry") {
    retry_delay_ms_ =
        static_cast<uint32_t>(std::min<uint64_t>(Count(event, "retry_delay_ms"), UINT32_MAX));
    waits_for_status_ = Count(event, "error_status");
    return;
  } else if (type == "assistant") {
    const Json& message = Part(event, "message");
    const std::string model = Text(message, "model");
    if (model == "<synthetic>") return;  // the CLI's own words, after its last try
    if (!model.empty() && Text(event, "parent_tool_use_id").empty()) model_ = model;
    if (messages_.insert(Text(message, "id")).second) {
      usage_.set_model_calls(usage_.model_calls() + 1);
      written_tokens_ += AddApiUsage(Part(message, "usage"), &usage_);
    }
    for (const Json& block : Part(message, "content")) {
      if (!block.is_object()) continue;
      said_bytes_ += Text(block, "text").size() + Text(block, "thinking").size();
      if (Text(block, "type") == "tool_use")
        said_bytes_ += Part(block, "input").dump(-1, ' ', false, kReplace).size();
      if (Text(block, "type") == "tool_use" && Text(block, "name") != kSchemaTool) {
        usage_.set_tool_calls(usage_.tool_calls() + 1);
      }
      if (Text(block, "type") == "text") last_text_ = Text(block, "text");
    }
  }
  waits_for_status_ = 0;
}

odw::v1::Usage ClaudeReader::usage_so_far() const {
  odw::v1::Usage usage = usage_;
  usage.set_output_tokens(std::max(usage.output_tokens(), said_bytes_ / kBytesPerToken));
  return usage;
}

odw::v1::Error ClaudeReader::hopeless() const {
  odw::v1::Error error;
  if (waits_for_status_ == 0 || retry_delay_ms_ <= kWaitMsMax) return error;
  error.set_category(ByStatus(waits_for_status_, ""));
  error.set_retry_after_ms(retry_delay_ms_);
  error.set_message("claude: HTTP " + std::to_string(waits_for_status_) +
                    ", to be tried again in " + std::to_string(retry_delay_ms_) + " ms");
  return error;
}

CliAnswer ClaudeReader::Finish(const odw::v1::Result& end) {
  CliAnswer answer;
  answer.session_id = session_id_;
  answer.model = model_;
  const Json result = Json::parse(result_line_, nullptr, false);
  if (!result.is_object()) {
    answer.usage = usage_so_far();
    answer.text = last_text_;
    AddCost(ListPrice(model_), written_tokens_, &answer.usage);
    FillFromEnd(end, &answer);
    return answer;
  }
  // `usage` is of this run alone; total_cost_usd and modelUsage are of the whole session in some
  // versions. A run that was cut short leaves out its last call: then the sum over the calls says
  // more.
  odw::v1::Usage told;
  const uint64_t written = AddApiUsage(Part(result, "usage"), &told);
  if (told.input_tokens() + told.output_tokens() >=
      usage_.input_tokens() + usage_.output_tokens()) {
    told.set_model_calls(usage_.model_calls());
    told.set_tool_calls(usage_.tool_calls());
    usage_ = told;
    written_tokens_ = written;
  }
  answer.usage = usage_;
  AddCost(ListPrice(model_), written_tokens_, &answer.usage);
  const std::string words = WordsOf(result);
  const bool is_error =
      result.value("is_error", Json()) == true || Text(result, "subtype") != "success";
  if (!is_error) {
    answer.ok = true;
    answer.text = Text(result, "result");
    if (schema_ && result.contains("structured_output") && !result["structured_output"].is_null()) {
      // Once more in the model's order of keys.
      answer.json = nlohmann::ordered_json::parse(result_line_)["structured_output"].dump(
          -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    }
    if (denials_ == Denials::kFailTheTask && !Part(result, "permission_denials").empty()) {
      answer.ok = false;
      answer.error.set_category(odw::v1::PERMISSION);
      answer.error.set_message(
          "claude was denied a tool: " +
          ToValidUtf8(Part(result, "permission_denials").dump().substr(0, kQuotedBytesMax)));
    }
    return answer;
  }
  answer.text = last_text_;
  const odw::v1::ErrorCategory early = end.error().category();
  if (early == odw::v1::TIMEOUT || early == odw::v1::STALL || early == odw::v1::CANCELLED ||
      early == odw::v1::OUTPUT_TOO_LARGE) {
    answer.error = end.error();
    return answer;
  }
  answer.session_unknown = Mentions(words + end.error().message(), {"no conversation found"});
  if (Text(result, "subtype") == "error_max_structured_output_retries")
    answer.schema_tries = kSchemaTriesUnknown;
  answer.error.set_category(CategoryOf(result, words));
  answer.error.set_message(
      "claude: " +
      ToValidUtf8((words.empty() ? end.error().message() : words).substr(0, kQuotedBytesMax)));
  if (answer.error.category() == odw::v1::RATE_LIMIT ||
      answer.error.category() == odw::v1::OVERLOADED) {
    answer.error.set_retry_after_ms(retry_delay_ms_);
  }
  return answer;
}

}  // namespace odw::executors
