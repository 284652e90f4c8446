#include "executors/runtimes/claude/claude_stream.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "executors/errors.h"
#include "executors/json_fields.h"
#include "executors/text.h"
#include "executors/usage.h"

namespace odw::executors {
namespace {

using Json = nlohmann::json;

using odw::v1::ErrorCategory;

constexpr size_t kQuotedBytesMax = 4000;
constexpr char kSchemaTool[] = "StructuredOutput";
constexpr uint32_t kSchemaTriesUnknown = 1;
constexpr uint64_t kBytesPerToken = 4;  // an estimate
constexpr auto kReplace = Json::error_handler_t::replace;
constexpr uint32_t kWaitMsMax = 10'000;  // a longer one is the daemon's: it needs no slot to wait

// Adds a usage object of the API. Returns the tokens that were written to its cache.
uint64_t AddApiUsage(const Json& api, odw::v1::Usage* usage) {
  const uint64_t written = CountOf(api, "cache_creation_input_tokens");
  usage->set_input_tokens(usage->input_tokens() + CountOf(api, "input_tokens") + written);
  usage->set_cached_input_tokens(usage->cached_input_tokens() +
                                 CountOf(api, "cache_read_input_tokens"));
  usage->set_output_tokens(usage->output_tokens() + CountOf(api, "output_tokens"));
  usage->set_reasoning_tokens(usage->reasoning_tokens() +
                              CountOf(PartOf(api, "output_tokens_details"), "thinking_tokens"));
  return written;
}

ErrorCategory ByStatus(uint64_t status, const std::string& text) {
  if (status == 400 && Mentions(text, {"prompt is too long", "context"}))
    return odw::v1::CONTEXT_LENGTH;
  if (status == 400 && Mentions(text, {"credit balance"})) return odw::v1::QUOTA;
  if (status == 429 && Mentions(text, {"quota", "credit balance", "billing", "usage limit"}))
    return odw::v1::QUOTA;
  return CategoryOfStatus(static_cast<long>(status));
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
  const std::string reason = TextOf(result, "terminal_reason");
  const std::string subtype = TextOf(result, "subtype");
  if (reason == "prompt_too_long") return odw::v1::CONTEXT_LENGTH;
  if (subtype == "error_max_turns") return odw::v1::LIMIT;
  if (subtype == "error_max_budget_usd") return odw::v1::BUDGET;
  if (const uint64_t status = CountOf(result, "api_error_status"); status > 0)
    return ByStatus(status, text);
  if (TextOf(result, "stop_reason") == "refusal") return odw::v1::REFUSED;
  return ByWords(text);
}

std::string WordsOf(const Json& result) {
  std::string text = TextOf(result, "result");
  for (const Json& error : PartOf(result, "errors")) {
    if (error.is_string()) text += (text.empty() ? "" : "; ") + error.get<std::string>();
  }
  // It asks for another key than the one that was refused, and there is none.
  if (Mentions(text, {"apikeyhelper"})) {
    const uint64_t status = CountOf(result, "api_error_status");
    return status == 0 || status == 401 ? "HTTP 401: the provider refused the key"
                                        : "HTTP " + std::to_string(status) + " from the provider";
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
  const std::string type = TextOf(event, "type");
  if (const std::string session = TextOf(event, "session_id"); !session.empty())
    session_id_ = session;
  if (type == "result") {
    result_line_ = line;
  } else if (type == "system" && TextOf(event, "subtype") == "init") {
    asked_model_ = TextOf(event, "model");
  } else if (type == "system" && TextOf(event, "subtype") == "api_retry") {
    retry_delay_ms_ =
        static_cast<uint32_t>(std::min<uint64_t>(CountOf(event, "retry_delay_ms"), UINT32_MAX));
    waits_for_status_ = CountOf(event, "error_status");
    return;
  } else if (type == "assistant") {
    const Json& message = PartOf(event, "message");
    const std::string model = TextOf(message, "model");
    if (model == "<synthetic>") return;  // the CLI's own words, after its last try
    if (!model.empty() && TextOf(event, "parent_tool_use_id").empty()) model_ = model;
    const auto [it, first] = calls_.try_emplace(TextOf(message, "id"));
    Call& call = it->second;
    if (first) call.written_tokens = AddApiUsage(PartOf(message, "usage"), &call.usage);
    for (const Json& block : PartOf(message, "content")) {
      if (!block.is_object()) continue;
      call.said_bytes += TextOf(block, "text").size() + TextOf(block, "thinking").size();
      if (TextOf(block, "type") == "tool_use")
        call.said_bytes += PartOf(block, "input").dump(-1, ' ', false, kReplace).size();
      if (TextOf(block, "type") == "tool_use" && TextOf(block, "name") != kSchemaTool)
        ++tool_calls_;
      if (TextOf(block, "type") == "text") last_text_ = TextOf(block, "text");
    }
  }
  waits_for_status_ = 0;
}

void ClaudeReader::TranscriptLine(std::string_view line) {
  if (line.find("\"assistant\"") == std::string_view::npos) return;  // they can be large
  const Json entry = Json::parse(line, nullptr, false);
  if (!entry.is_object() || TextOf(entry, "type") != "assistant") return;
  const Json& message = PartOf(entry, "message");
  Call call;
  call.written_tokens = AddApiUsage(PartOf(message, "usage"), &call.usage);
  Call& kept = transcript_[TextOf(message, "id")];
  if (call.usage.output_tokens() >= kept.usage.output_tokens()) kept = std::move(call);
}

odw::v1::Usage ClaudeReader::SumOfCalls(Untold untold, uint64_t* written_tokens) const {
  odw::v1::Usage sum;
  for (const auto& [id, call] : calls_) {
    const auto told = transcript_.find(id);
    const bool whole = told != transcript_.end() &&
                       told->second.usage.output_tokens() >= call.usage.output_tokens();
    odw::v1::Usage usage = whole ? told->second.usage : call.usage;
    if (!whole && untold == Untold::kEstimated) {
      usage.set_output_tokens(std::max(usage.output_tokens(), call.said_bytes / kBytesPerToken));
    }
    AddUsage(usage, &sum);
    *written_tokens += whole ? told->second.written_tokens : call.written_tokens;
  }
  sum.set_model_calls(static_cast<uint32_t>(calls_.size()));
  sum.set_tool_calls(tool_calls_);
  return sum;
}

odw::v1::Usage ClaudeReader::usage_so_far() const {
  uint64_t written = 0;
  odw::v1::Usage usage = SumOfCalls(Untold::kEstimated, &written);
  AddCost(ListPrice(model_), written, &usage);
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
    FillFromEnd(end, &answer);
    return answer;
  }
  // `usage` is of this run alone; total_cost_usd and modelUsage are of the whole session in some
  // versions. A run that was cut short leaves out its last call: then the sum over the calls says
  // more.
  uint64_t written = 0;
  odw::v1::Usage usage = SumOfCalls(Untold::kAsTold, &written);
  odw::v1::Usage told;
  const uint64_t told_written = AddApiUsage(PartOf(result, "usage"), &told);
  if (told.input_tokens() + told.output_tokens() >= usage.input_tokens() + usage.output_tokens()) {
    told.set_model_calls(usage.model_calls());
    told.set_tool_calls(usage.tool_calls());
    usage = told;
    written = told_written;
  }
  if (model_.empty() && usage.input_tokens() > 0) {  // it answered, with not a word
    answer.model = model_ = asked_model_;
    usage.set_model_calls(1);
  }
  AddCost(ListPrice(model_), written, &usage);
  answer.usage = std::move(usage);
  const std::string words = WordsOf(result);
  const bool is_error =
      result.value("is_error", Json()) == true || TextOf(result, "subtype") != "success";
  if (!is_error) {
    answer.ok = true;
    answer.text = TextOf(result, "result");
    if (schema_ && result.contains("structured_output") && !result["structured_output"].is_null()) {
      // Once more in the model's order of keys.
      answer.json = nlohmann::ordered_json::parse(result_line_)["structured_output"].dump(
          -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
    }
    if (denials_ == Denials::kFailTheTask && !PartOf(result, "permission_denials").empty()) {
      answer.ok = false;
      answer.error.set_category(odw::v1::PERMISSION);
      answer.error.set_message(
          "claude was denied a tool: " +
          ToValidUtf8(PartOf(result, "permission_denials").dump().substr(0, kQuotedBytesMax)));
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
  if (TextOf(result, "subtype") == "error_max_structured_output_retries")
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
