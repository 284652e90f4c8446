#include "executors/runtimes/bamboo/conversation.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "executors/usage.h"

namespace odw::executors {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kBytesPerToken = 4;  // an estimate
constexpr size_t kTrimmedBytesMin = 400;
constexpr size_t kKeptMessages = 6;  // the latest are never shortened
constexpr char kTrimmed[] = "[left out to save room; call the tool again if it is needed]";

uint64_t BytesOf(const ChatMessage& message) {
  uint64_t bytes = message.content().size() + message.reasoning().size();
  for (const ToolCall& call : message.calls()) bytes += call.arguments().size();
  return bytes;
}

// Of what is old, a tool's result is missed least: it can be had again.
void ShortenResult(ChatMessage* message) {
  if (message->role() == "tool" && message->content().size() > kTrimmedBytesMin)
    message->set_content(kTrimmed);
}

// Not emptied: some providers refuse a history whose calls come without a word of reasoning.
void ShortenThoughts(ChatMessage* message) {
  if (message->reasoning().size() > kTrimmedBytesMin) message->set_reasoning(kTrimmed);
}

// What was written into files is in the files.
void ShortenCalls(ChatMessage* message) {
  for (ToolCall& call : *message->mutable_calls()) {
    if (call.arguments().size() <= kTrimmedBytesMin) continue;
    Json arguments = Json::parse(call.arguments(), nullptr, false);
    if (!arguments.is_object()) arguments = Json::object();
    for (Json& value : arguments) {
      if (value.is_string() && value.get_ref<const std::string&>().size() > kTrimmedBytesMin)
        value = kTrimmed;
    }
    call.set_arguments(arguments.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
}

TurnRecord Header(const Task& task, int64_t started_unix_ms) {
  TurnRecord header;
  header.set_request(task.request.SerializeAsString());
  header.set_started_unix_ms(started_unix_ms);
  header.set_run_id(task.run_id);
  return header;
}

}  // namespace

absl::Status Conversation::Begin(const std::string& path, const Task& task,
                                 int64_t started_unix_ms) {
  ODW_ASSIGN_OR_RETURN(log_, TurnLog::Create(path));
  started_unix_ms_ = started_unix_ms;
  return log_.Append(Header(task, started_unix_ms));
}

absl::Status Conversation::Load(const std::string& path, Task* task) {
  std::vector<TurnRecord> records;
  ODW_ASSIGN_OR_RETURN(log_, TurnLog::Open(path, &records));
  if (records.empty() || !task->request.ParseFromString(records[0].request())) {
    return absl::DataLossError(path + " has no whole beginning");
  }
  started_unix_ms_ = records[0].started_unix_ms();
  task->run_id = records[0].run_id();
  for (size_t i = 1; i < records.size(); ++i) Take(records[i]);
  return absl::OkStatus();
}

absl::Status Conversation::Continue(const std::string& from, const std::string& path,
                                    const Task& task, int64_t started_unix_ms) {
  std::vector<TurnRecord> records;
  ODW_RETURN_IF_ERROR(TurnLog::Open(from, &records).status());
  ODW_RETURN_IF_ERROR(Begin(path, task, started_unix_ms));
  for (size_t i = 1; i < records.size(); ++i) {
    records[i].clear_usage();  // another attempt's
    ODW_RETURN_IF_ERROR(Add(std::move(records[i])));
  }
  turns_ = 0;
  return absl::OkStatus();
}

absl::Status Conversation::Add(TurnRecord record) {
  ODW_RETURN_IF_ERROR(log_.Append(record));
  Take(record);
  return absl::OkStatus();
}

void Conversation::Take(const TurnRecord& record) {
  odw::v1::Usage usage;
  if (usage.ParseFromString(record.usage())) AddUsage(usage, &usage_);
  if (record.message().role() == "assistant") {
    ++turns_;
    model_ = record.model();
    finish_reason_ = record.finish_reason();
  }
  if (record.repair()) ++repairs_;
  messages_.push_back(record.message());
}

std::vector<ToolCall> Conversation::OpenCalls() const {
  auto last = messages_.rbegin();
  size_t answered = 0;
  for (; last != messages_.rend() && last->role() == "tool"; ++last) ++answered;
  if (last == messages_.rend() || last->role() != "assistant") return {};
  std::vector<ToolCall> open(last->calls().begin(), last->calls().end());
  open.erase(open.begin(), open.begin() + static_cast<ptrdiff_t>(std::min(answered, open.size())));
  return open;
}

void Conversation::Trim(uint64_t tokens_max) {
  uint64_t bytes = 0;
  for (const ChatMessage& message : messages_) bytes += BytesOf(message);
  const size_t old = messages_.size() - std::min(messages_.size(), kKeptMessages);
  for (const auto shorten : {&ShortenResult, &ShortenThoughts, &ShortenCalls}) {
    for (size_t i = 0; i < old && bytes > tokens_max * kBytesPerToken; ++i) {
      const uint64_t before = BytesOf(messages_[i]);
      shorten(&messages_[i]);
      bytes -= before - BytesOf(messages_[i]);
    }
  }
}

}  // namespace odw::executors
