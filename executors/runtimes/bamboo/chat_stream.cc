#include "executors/runtimes/bamboo/chat_stream.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "executors/json_fields.h"

namespace odw::executors {
namespace {

using Json = nlohmann::json;

constexpr size_t kCallsMax = 64;  // in one turn

const Json* Object(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_object() ? &*it : nullptr;
}

// Providers differ in where they put what came from their cache.
void ReadUsage(const Json& usage, odw::v1::Usage* out) {
  uint64_t cached = std::max(CountOf(usage, "prompt_cache_hit_tokens"), CountOf(usage, "cached_tokens"));
  if (const Json* details = Object(usage, "prompt_tokens_details")) {
    cached = std::max(cached, CountOf(*details, "cached_tokens"));
  }
  const uint64_t prompt = CountOf(usage, "prompt_tokens");
  cached = std::min(cached, prompt);
  out->set_input_tokens(prompt - cached);
  out->set_cached_input_tokens(cached);
  out->set_output_tokens(CountOf(usage, "completion_tokens"));
  if (const Json* details = Object(usage, "completion_tokens_details")) {
    out->set_reasoning_tokens(CountOf(*details, "reasoning_tokens"));
  }
}

void Append(const std::string& piece, std::string* text, bool* too_large) {
  if (text->size() + piece.size() > kAnswerBytesMax) {
    *too_large = true;
  } else {
    *text += piece;
  }
}

void ReadReasoning(const Json& message, ChatAnswer* answer) {
  for (const char* key : {"reasoning_content", "reasoning"}) {
    Append(TextOf(message, key), &answer->reasoning, &answer->too_large);
  }
  const auto details = message.find("reasoning_details");
  if (details == message.end() || !details->is_array()) return;
  for (const Json& detail : *details) {
    if (detail.is_object()) Append(TextOf(detail, "text"), &answer->reasoning, &answer->too_large);
  }
}

// A call comes whole, or in pieces that share its index.
void ReadCalls(const Json& calls, ChatAnswer* answer) {
  for (const Json& piece : calls) {
    if (!piece.is_object()) continue;
    const size_t index = piece.contains("index") ? CountOf(piece, "index") : answer->calls.size();
    if (index >= kCallsMax) {
      answer->broken = true;
      return;
    }
    if (index >= answer->calls.size()) answer->calls.resize(index + 1);
    ToolCall& call = answer->calls[index];
    if (const std::string id = TextOf(piece, "id"); !id.empty()) call.set_id(id);
    const Json* function = Object(piece, "function");
    if (function == nullptr) continue;
    if (const std::string name = TextOf(*function, "name"); !name.empty()) call.set_name(name);
    Append(TextOf(*function, "arguments"), call.mutable_arguments(), &answer->too_large);
  }
}

// A chunk (with "delta") or a whole completion (with "message").
void ReadCompletion(const Json& chunk, ChatAnswer* answer) {
  if (const Json* usage = Object(chunk, "usage")) ReadUsage(*usage, &answer->usage);
  if (const std::string model = TextOf(chunk, "model"); !model.empty()) answer->model = model;
  const auto error = chunk.find("error");
  if (error != chunk.end() && !error->is_null()) answer->error_json = chunk.dump();
  if (const Json* base = Object(chunk, "base_resp")) {
    if (CountOf(*base, "status_code") != 0) answer->error_json = chunk.dump();
  }
  const auto choices = chunk.find("choices");
  if (choices == chunk.end() || !choices->is_array() || choices->empty()) return;
  const Json& choice = choices->front();
  if (!choice.is_object()) return;
  if (const std::string reason = TextOf(choice, "finish_reason"); !reason.empty()) {
    answer->finish_reason = reason;
  }
  const Json* message = Object(choice, "delta");
  if (message == nullptr) message = Object(choice, "message");
  if (message == nullptr) return;
  Append(TextOf(*message, "content"), &answer->text, &answer->too_large);
  if (!TextOf(*message, "refusal").empty()) {
    answer->refused = true;
    Append(TextOf(*message, "refusal"), &answer->text, &answer->too_large);
  }
  ReadReasoning(*message, answer);
  const auto calls = message->find("tool_calls");
  if (calls != message->end() && calls->is_array()) ReadCalls(*calls, answer);
}

}  // namespace

void ChatStream::Feed(std::string_view bytes) {
  if (head_.size() < kErrorBodyBytesMax) head_.append(bytes.substr(0, kErrorBodyBytesMax - head_.size()));
  if (answer_.too_large) return;
  buffer_.append(bytes);
  if (buffer_.size() > 2 * kAnswerBytesMax) {
    answer_.too_large = true;
    buffer_.clear();
    return;
  }
  if (kind_ == Kind::kUnknown) {
    const size_t first = buffer_.find_first_not_of(" \t\r\n");
    if (first == std::string::npos) return;
    kind_ = buffer_[first] == '{' || buffer_[first] == '[' ? Kind::kWhole : Kind::kEvents;
  }
  if (kind_ == Kind::kEvents) TakeLines();
}

void ChatStream::TakeLines() {
  size_t start = 0;
  for (;;) {
    const size_t end = buffer_.find('\n', start);
    if (end == std::string::npos) break;
    std::string_view line = std::string_view(buffer_).substr(start, end - start);
    start = end + 1;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    // Each event of this protocol is one data line; ids, names and comments carry nothing.
    if (line.substr(0, 5) != "data:") continue;
    line.remove_prefix(line.substr(0, 6) == "data: " ? 6 : 5);
    TakeEvent(line);
  }
  buffer_.erase(0, start);
}

void ChatStream::TakeEvent(std::string_view data) {
  if (data == "[DONE]" || data.empty()) return;
  const Json chunk = Json::parse(data, nullptr, false);
  if (!chunk.is_object()) {
    answer_.broken = true;
    return;
  }
  ReadCompletion(chunk, &answer_);
}

ChatAnswer ChatStream::Finish() {
  if (kind_ == Kind::kEvents) {
    buffer_ += '\n';  // a last line without its end
    TakeLines();
  } else {
    const Json whole = Json::parse(buffer_, nullptr, false);
    if (whole.is_object()) {
      ReadCompletion(whole, &answer_);
    } else {
      answer_.broken = true;
    }
  }
  return std::move(answer_);
}

}  // namespace odw::executors
