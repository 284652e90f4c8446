// One turn of a task after another: a question to the model, the tools it calls, its final answer.
#include <algorithm>
#include <utility>

#include "executors/runtimes/bamboo/bamboo_runtime.h"
#include "executors/runtimes/bamboo/tools.h"
#include "executors/sandbox.h"
#include "executors/task/process_table.h"
#include "executors/usage.h"

namespace odw::executors {
namespace {

constexpr absl::Duration kProgressEvery = absl::Seconds(1);
constexpr uint64_t kBytesPerToken = 4;       // an estimate, for progress only
constexpr uint32_t kMalformedInARowMax = 5;  // answers of nothing but wrong tool calls
constexpr uint64_t kContextShareMax =
    70;  // per cent of the model's context that a history may take
constexpr absl::Duration kCommandTimeoutMax = absl::Minutes(60);
constexpr char kLastTurn[] =
    "This is the last turn: answer now with the result, without calling a tool.";

}  // namespace

bool BambooRuntime::Add(const std::string& token, TurnRecord record) {
  const absl::Status status = running_.at(token)->conversation.Add(std::move(record));
  if (!status.ok())
    Fail(token, odw::v1::OVERLOADED, "the turn could not be written down: " + MessageOf(status));
  return status.ok();
}

void BambooRuntime::Ask(const std::string& token) {
  Running& running = *running_.at(token);
  if (running.conversation.turns() > config_.turns_max) {
    return Fail(token, odw::v1::LIMIT,
                "no answer in " + std::to_string(config_.turns_max) +
                    " turns (bamboo.turns_max in the executor's config)");
  }
  ChatRequest request = running.request;
  if (running.conversation.turns() == config_.turns_max) {
    request.tools_json.clear();
    TurnRecord last;
    last.mutable_message()->set_role("user");
    last.mutable_message()->set_content(kLastTurn);
    if (!Add(token, std::move(last))) return;
  }
  if (const uint64_t most = running.task.request.output_tokens_max(); most > 0) {
    const uint64_t used = running.conversation.usage().output_tokens();
    if (used >= most) {
      return Fail(token, odw::v1::BUDGET,
                  "its " + std::to_string(most) + " output tokens are used up");
    }
    const uint64_t left = std::min<uint64_t>(most - used, UINT32_MAX);
    if (request.max_tokens == 0 || left < request.max_tokens)
      request.max_tokens = static_cast<uint32_t>(left);
  }
  const uint64_t context = running.price.context_tokens;
  if (context > 0) running.conversation.Trim(context * kContextShareMax / 100);
  running.stream = std::make_unique<ChatStream>();
  running.last_byte = absl::Now();
  running.http = http_.Post(
      {.url = running.endpoint->url,
       .headers = running.endpoint->headers,
       .body = RequestBody(running.endpoint->known, request, running.conversation.messages())},
      [this, token](std::string_view bytes) { OnData(token, bytes); },
      [this, token](const HttpResponse& response) { OnDone(token, response); });
  running.idle = loop_->After(running.idle_max, [this, token] { CheckIdle(token); });
}

void BambooRuntime::OnData(const std::string& token, std::string_view bytes) {
  Running& running = *running_.at(token);
  running.last_byte = absl::Now();
  running.stream->Feed(bytes);
  if (running.last_byte - running.last_progress < kProgressEvery) return;
  running.last_progress = running.last_byte;
  Tell(token);
}

void BambooRuntime::Tell(const std::string& token) {
  const Running& running = *running_.at(token);
  odw::v1::Progress progress;
  progress.set_token(token);
  progress.set_session_id(token);
  *progress.mutable_usage_so_far() = running.conversation.usage();
  const uint64_t streamed =
      running.stream != nullptr ? running.stream->said_bytes() / kBytesPerToken : 0;
  progress.mutable_usage_so_far()->set_output_tokens(running.conversation.usage().output_tokens() +
                                                     streamed);
  sink_->Progress(std::move(progress));
}

void BambooRuntime::CheckIdle(const std::string& token) {
  Running& running = *running_.at(token);
  const absl::Duration left = running.idle_max - (absl::Now() - running.last_byte);
  if (left > absl::ZeroDuration()) {
    running.idle = loop_->After(left, [this, token] { CheckIdle(token); });
    return;
  }
  Fail(token, odw::v1::STALL,
       "not a byte from the provider for " + absl::FormatDuration(running.idle_max));
}

void BambooRuntime::OnDone(const std::string& token, const HttpResponse& response) {
  Running& running = *running_.at(token);
  running.http = 0;
  loop_->CancelTimer(running.idle);
  if (response.status == 0) {
    return Fail(token, odw::v1::NETWORK, "no answer from the provider: " + response.network_error);
  }
  if (response.status < 200 || response.status >= 300) {
    return FailWith(token, ToError(response, running.stream->head()));
  }
  ChatAnswer answer = running.stream->Finish();
  if (!answer.error_json.empty()) return FailWith(token, ToError(response, answer.error_json));
  if (answer.finish_reason.empty() && !response.network_error.empty()) {
    return Fail(token, odw::v1::NETWORK, "the answer broke off: " + response.network_error);
  }
  OnAnswer(token, std::move(answer));
}

void BambooRuntime::OnAnswer(const std::string& token, ChatAnswer answer) {
  Running& running = *running_.at(token);
  if (answer.too_large) {
    return Fail(token, odw::v1::OUTPUT_TOO_LARGE,
                "the answer is larger than " + std::to_string(kAnswerBytesMax >> 20) + " MiB");
  }
  if (answer.broken && answer.finish_reason.empty()) {
    return Fail(token, odw::v1::CRASHED,
                "the provider's answer is not the protocol: " + running.stream->head());
  }
  if (answer.finish_reason.empty())
    return Fail(token, odw::v1::NETWORK, "the answer ended in its middle");
  TurnRecord record;
  ChatMessage* message = record.mutable_message();
  message->set_role("assistant");
  message->set_content(answer.text);
  message->set_reasoning(answer.reasoning);
  for (ToolCall& call : answer.calls) {
    if (call.id().empty()) call.set_id("call_" + std::to_string(running.conversation.turns()));
    *message->add_calls() = std::move(call);
  }
  answer.usage.set_model_calls(1);
  answer.usage.set_tool_calls(static_cast<uint32_t>(message->calls_size()));
  AddCost(running.price, 0, &answer.usage);
  record.set_usage(answer.usage.SerializeAsString());
  record.set_model(answer.model.empty() ? running.request.model : answer.model);
  record.set_finish_reason(answer.refused ? "refusal" : answer.finish_reason);
  if (!Add(token, std::move(record))) return;
  Tell(token);
  GoOn(token);
}

void BambooRuntime::OnFinalAnswer(const std::string& token) {
  Running& running = *running_.at(token);
  const std::string& reason = running.conversation.finish_reason();
  const std::string text = running.conversation.messages().back().content();
  if (reason == "refusal" || reason == "content_filter" || reason == "sensitive") {
    running.result.set_raw_text(text);
    return Fail(token, odw::v1::REFUSED, "the model declined: " + text);
  }
  if (reason == "length") {
    running.result.set_raw_text(text);
    return Fail(
        token, odw::v1::OUTPUT_TOO_LARGE,
        "the answer was cut at the model's output limit; ask for less, or raise max_tokens");
  }
  if (!running.schema) {
    running.result.set_ok(true);
    running.result.set_value(text);
    return End(token);
  }
  running.result.set_raw_text(text);
  running.schema->Judge(text,
                        [this, token](const SchemaOutcome& outcome) { OnOutcome(token, outcome); });
}

void BambooRuntime::OnOutcome(const std::string& token, const SchemaOutcome& outcome) {
  const auto it = running_.find(token);
  if (it == running_.end()) return;  // cancelled or timed out meanwhile
  Running& running = *it->second;
  running.result.set_repair_turns(running.schema->repair_turns());
  switch (outcome.kind) {
    case SchemaOutcome::Kind::kAccepted:
      running.result.set_ok(true);
      running.result.set_value(outcome.json);
      running.result.set_value_is_json(true);
      running.result.set_schema_path(running.schema->PathOf(odw::v1::SCHEMA_PATH_CONTRACT));
      return End(token);
    case SchemaOutcome::Kind::kRepair: {
      TurnRecord record;
      record.set_repair(true);
      record.mutable_message()->set_role("user");
      record.mutable_message()->set_content(outcome.prompt);
      if (Add(token, std::move(record))) Ask(token);
      return;
    }
    case SchemaOutcome::Kind::kFailed:
      return FailWith(token, outcome.error);
  }
}

void BambooRuntime::NextCall(const std::string& token) {
  Running& running = *running_.at(token);
  if (running.open_calls.empty()) return Ask(token);
  const ToolCall call = running.open_calls.front();
  const Workspace workspace(running.task.request.cwd());
  const ToolAction action = Act(workspace, running.tools, call);
  if (action.kind == ToolAction::Kind::kCommand) return RunCommand(token, call);
  running.malformed_in_a_row = action.malformed ? running.malformed_in_a_row + 1 : 0;
  if (running.malformed_in_a_row >= kMalformedInARowMax) {
    return Fail(token, odw::v1::CRASHED,
                std::to_string(kMalformedInARowMax) +
                    " tool calls in a row could not be read; the last: " + action.answer);
  }
  Answered(token, action.answer);
}

void BambooRuntime::RunCommand(const std::string& token, const ToolCall& call) {
  Running& running = *running_.at(token);
  const odw::v1::AgentRequest& request = running.task.request;
  const ToolAction action = Act(Workspace(request.cwd()), running.tools, call);
  CommandJob job{.argv = {},
                 .cwd = request.cwd(),
                 .mark = TaskMark(token, folder_),
                 .pass_env = config_.pass_env,
                 .timeout = config_.command_timeout};
  if (action.timeout_ms > 0) {
    job.timeout =
        std::min(absl::Milliseconds(static_cast<int64_t>(action.timeout_ms)), kCommandTimeoutMax);
  }
  if (!action.is_search) {
    job.argv = SandboxWords({.permission = PermissionOf(request),
                             .cwd = request.cwd(),
                             .writable = {"/tmp"},
                             .network = request.network() == "no" ? SandboxWish::Network::kNo
                                                                  : SandboxWish::Network::kYes});
  }
  job.argv.insert(job.argv.end(), action.argv.begin(), action.argv.end());
  running.ran_commands = true;
  const bool is_search = action.is_search;
  running.command = commands_.Run(job, [this, token, is_search](const CommandEnd& end) {
    const auto it = running_.find(token);
    if (it == running_.end()) return;  // it could not be started, and the task has ended meanwhile
    it->second->command = 0;
    it->second->malformed_in_a_row = 0;
    std::string text = Shorten(end.output, Workspace::kShownBytesMax);
    if (end.how == CommandEnd::How::kTimedOut) text += "\n[ended: it ran too long]";
    if (is_search && end.status == 1 && text.empty()) text = "no match";
    if (!is_search && end.status != 0) text += "\n[exit status " + std::to_string(end.status) + "]";
    Answered(token, text.empty() ? "(no output)" : text);
  });
}

void BambooRuntime::Answered(const std::string& token, const std::string& text) {
  Running& running = *running_.at(token);
  TurnRecord record;
  record.mutable_message()->set_role("tool");
  record.mutable_message()->set_content(text);
  redactor_.Redact(
      record.mutable_message()->mutable_content());  // neither the log nor a provider gets our keys
  record.mutable_message()->set_call_id(running.open_calls.front().id());
  if (!Add(token, std::move(record))) return;
  running.open_calls.erase(running.open_calls.begin());
  NextCall(token);
}

}  // namespace odw::executors
