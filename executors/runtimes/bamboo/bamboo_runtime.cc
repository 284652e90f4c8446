#include "executors/runtimes/bamboo/bamboo_runtime.h"

#include <stdlib.h>

#include <algorithm>
#include <utility>

#include "daemon/base/clock.h"

namespace odw::executors {
namespace {

constexpr absl::Duration kProgressEvery = absl::Seconds(1);
constexpr size_t kMismatchesShown = 10;
constexpr uint64_t kBytesPerToken = 4;  // an estimate, for progress only
constexpr double kTokensPerPriceUnit = 1e6;
// The wording of a task; a change in its meaning is a new contract version in the daemon's reuse key.
constexpr char kContract[] =
    "You are one step of a program. Your final text is its return value: answer with the result itself, "
    "not with a message about it.";
constexpr char kSchemaContract[] =
    " Answer with one JSON value that is valid against this JSON Schema, and with nothing else:\n";

std::string SystemPrompt(const odw::v1::AgentRequest& request) {
  std::string prompt = kContract;
  if (request.schema_json().empty()) return prompt;
  prompt += kSchemaContract + request.schema_json();
  if (!request.schema_description().empty()) prompt += "\n" + request.schema_description();
  return prompt;
}

absl::StatusOr<std::string> FromVariable(const std::string& name, const char* what) {
  const char* value = getenv(name.c_str());
  if (value != nullptr && *value != '\0') return std::string(value);
  return absl::InvalidArgumentError("the bamboo runtime needs " + std::string(what) +
                                    " in the environment variable " + name + ": set it and start again");
}

}  // namespace

absl::StatusOr<std::unique_ptr<BambooRuntime>> BambooRuntime::FromEnvironment(EventLoop* loop,
                                                                              const BambooConfig& config,
                                                                              Validator* validator) {
  ODW_ASSIGN_OR_RETURN(const std::string base, FromVariable(config.base_url_env, "the provider's base URL"));
  ODW_ASSIGN_OR_RETURN(const std::string key, FromVariable(config.key_env, "the provider's key"));
  if (base.rfind("http://", 0) != 0 && base.rfind("https://", 0) != 0) {
    return absl::InvalidArgumentError("the base URL in " + config.base_url_env +
                                      " must start with http:// or https://");
  }
  return std::unique_ptr<BambooRuntime>(
      new BambooRuntime(loop, config, CompletionsUrl(config.provider, base), key, validator));
}

BambooRuntime::BambooRuntime(EventLoop* loop, BambooConfig config, std::string url, std::string key,
                             Validator* validator)
    : loop_(loop), config_(std::move(config)), url_(std::move(url)), key_(std::move(key)),
      validator_(validator), http_(loop) {}

BambooRuntime::~BambooRuntime() {
  for (const auto& [token, running] : running_) {
    loop_->CancelTimer(running->timeout);
    loop_->CancelTimer(running->idle);
  }
}

void BambooRuntime::Describe(odw::v1::Register* out) const {
  out->set_runtime("bamboo");
  odw::v1::Model* model = out->add_models();
  model->set_provider(config_.provider);
  model->set_name(config_.model);
  model->set_currency(config_.currency);
  model->set_input_micros_per_mtok(config_.input_micros_per_mtok);
  model->set_cached_micros_per_mtok(config_.cached_micros_per_mtok);
  model->set_output_micros_per_mtok(config_.output_micros_per_mtok);
  model->set_context_tokens(config_.context_tokens);
}

void BambooRuntime::Start(Task task) {
  const std::string token = task.token;
  auto owned = std::make_unique<Running>();
  Running& running = *owned;
  running.task = std::move(task);
  const odw::v1::AgentRequest& request = running.task.request;
  running.result.set_token(token);
  running.result.set_started_unix_ms(UnixMillis(absl::Now()));
  running.request = {.model = request.model().empty() ? config_.model : request.model(),
                     .effort = request.effort(), .max_tokens = config_.max_tokens};
  running.messages = {{"system", SystemPrompt(request)}, {"user", request.prompt()}};
  running_[token] = std::move(owned);
  if (running.request.model.empty()) {
    return Fail(token, odw::v1::INVALID_REQUEST,
                "no model: give agent() one, or set bamboo.model in the executor's config");
  }
  const absl::Duration timeout =
      request.timeout_ms() > 0 ? absl::Milliseconds(request.timeout_ms()) : config_.timeout;
  running.timeout = loop_->After(timeout, [this, token, timeout] {
    Fail(token, odw::v1::TIMEOUT, "no answer within " + absl::FormatDuration(timeout));
  });
  Ask(token);
}

void BambooRuntime::Ask(const std::string& token) {
  Running& running = *running_.at(token);
  running.stream = std::make_unique<ChatStream>();
  running.last_byte = absl::Now();
  running.http = http_.Post(
      {.url = url_,
       .headers = {"Content-Type: application/json", "Accept: text/event-stream, application/json",
                   "Authorization: Bearer " + key_, "Expect:"},
       .body = RequestBody(config_.provider, running.request, running.messages)},
      [this, token](std::string_view bytes) { OnData(token, bytes); },
      [this, token](const HttpResponse& response) { OnDone(token, response); });
  running.idle = loop_->After(config_.idle_timeout, [this, token] { CheckIdle(token); });
}

void BambooRuntime::OnData(const std::string& token, std::string_view bytes) {
  Running& running = *running_.at(token);
  running.last_byte = absl::Now();
  running.stream->Feed(bytes);
  if (running.last_byte - running.last_progress < kProgressEvery) return;
  running.last_progress = running.last_byte;
  odw::v1::Progress progress;
  progress.set_token(token);
  *progress.mutable_usage_so_far() = running.result.usage();
  progress.mutable_usage_so_far()->set_output_tokens(running.result.usage().output_tokens() +
                                                     running.stream->text_bytes() / kBytesPerToken);
  sink_->Progress(std::move(progress));
}

void BambooRuntime::CheckIdle(const std::string& token) {
  Running& running = *running_.at(token);
  const absl::Duration left = config_.idle_timeout - (absl::Now() - running.last_byte);
  if (left > absl::ZeroDuration()) {
    running.idle = loop_->After(left, [this, token] { CheckIdle(token); });
    return;
  }
  Fail(token, odw::v1::STALL, "not a byte from the provider for " + absl::FormatDuration(config_.idle_timeout));
}

void BambooRuntime::OnDone(const std::string& token, const HttpResponse& response) {
  Running& running = *running_.at(token);
  running.http = 0;
  loop_->CancelTimer(running.idle);
  if (response.status >= 200 && response.status < 300) {
    ChatAnswer answer = running.stream->Finish();
    running.result.set_model(answer.model.empty() ? running.request.model : answer.model);
    AddUsage(answer.usage, running.result.mutable_usage());
    if (!answer.error_json.empty()) return FailWith(token, ToError(response, answer.error_json));
    if (answer.finish_reason.empty() && !response.network_error.empty()) {
      return Fail(token, odw::v1::NETWORK, "the answer broke off: " + response.network_error);
    }
    return OnAnswer(token, std::move(answer));
  }
  if (response.status == 0) {
    return Fail(token, odw::v1::NETWORK, "no answer from the provider: " + response.network_error);
  }
  FailWith(token, ToError(response, running.stream->head()));
}

void BambooRuntime::OnAnswer(const std::string& token, ChatAnswer answer) {
  Running& running = *running_.at(token);
  if (answer.too_large) {
    return Fail(token, odw::v1::OUTPUT_TOO_LARGE,
                "the answer is larger than " + std::to_string(kAnswerBytesMax >> 20) + " MiB");
  }
  if (answer.finish_reason.empty()) {
    return answer.broken ? Fail(token, odw::v1::CRASHED, "the provider's answer is not a chat completion: " +
                                                              running.stream->head())
                         : Fail(token, odw::v1::NETWORK, "the answer ended before its end");
  }
  if (answer.refused || answer.finish_reason == "content_filter") {
    return Fail(token, odw::v1::REFUSED, "the model declined: " + answer.text);
  }
  if (answer.finish_reason == "length") {
    *running.result.mutable_raw_text() = answer.text;
    return Fail(token, odw::v1::OUTPUT_TOO_LARGE,
                "the answer was cut at the token limit after " +
                    std::to_string(answer.usage.output_tokens()) +
                    " tokens: ask for less, or raise bamboo.max_tokens");
  }
  if (answer.asked_for_tool && answer.text.empty()) {
    return Fail(token, odw::v1::CRASHED, "the model called a tool; it had been offered none");
  }
  if (running.task.request.schema_json().empty()) {
    running.result.set_ok(true);
    *running.result.mutable_value() = std::move(answer.text);
    return End(token);
  }
  running.messages.push_back({"assistant", answer.text});
  CheckJson(token, answer.text);
}

void BambooRuntime::CheckJson(const std::string& token, const std::string& text) {
  Running& running = *running_.at(token);
  *running.result.mutable_raw_text() = text;
  const std::string json = ExtractJson(text);
  if (json.empty()) return Repair(token, "it holds no JSON value");
  validator_->Check(running.task.request.schema_json(), json,
                    [this, token, json](const Verdict& verdict) { OnVerdict(token, json, verdict); });
}

void BambooRuntime::OnVerdict(const std::string& token, const std::string& json, const Verdict& verdict) {
  const auto it = running_.find(token);
  if (it == running_.end()) return;  // cancelled or timed out meanwhile
  std::string details;
  for (size_t i = 0; i < std::min(verdict.mismatches.size(), kMismatchesShown); ++i) {
    details += (i == 0 ? "" : "; ") + verdict.mismatches[i];
  }
  switch (verdict.kind) {
    case Verdict::Kind::kValid:
      it->second->result.set_ok(true);
      it->second->result.set_value(json);
      it->second->result.set_value_is_json(true);
      return End(token);
    case Verdict::Kind::kInvalid: return Repair(token, details);
    case Verdict::Kind::kNotJson: return Repair(token, "it is not JSON");
    case Verdict::Kind::kBadSchema:
      return Fail(token, odw::v1::INVALID_REQUEST, "the schema is wrong: " + details);
    case Verdict::Kind::kFailed:
      return Fail(token, odw::v1::INTERNAL, "the schema could not be checked: " + details);
  }
}

void BambooRuntime::Repair(const std::string& token, const std::string& what) {
  Running& running = *running_.at(token);
  if (running.result.repair_turns() >= config_.repair_turns) {
    return Fail(token, odw::v1::SCHEMA, "no answer fitted the schema in " +
                                            std::to_string(config_.repair_turns + 1) +
                                            " turns; the last one: " + what);
  }
  running.result.set_repair_turns(running.result.repair_turns() + 1);
  running.messages.push_back({"user", "That answer does not fit the JSON Schema: " + what +
                                          ". Answer again, with one JSON value that does and nothing else."});
  Ask(token);
}

void BambooRuntime::AddUsage(const odw::v1::Usage& turn, odw::v1::Usage* total) const {
  total->set_input_tokens(total->input_tokens() + turn.input_tokens());
  total->set_cached_input_tokens(total->cached_input_tokens() + turn.cached_input_tokens());
  total->set_output_tokens(total->output_tokens() + turn.output_tokens());
  total->set_reasoning_tokens(total->reasoning_tokens() + turn.reasoning_tokens());
  total->set_model_calls(total->model_calls() + 1);
  if (config_.currency.empty()) return;
  const double micros = static_cast<double>(turn.input_tokens()) * config_.input_micros_per_mtok +
                        static_cast<double>(turn.cached_input_tokens()) * config_.cached_micros_per_mtok +
                        static_cast<double>(turn.output_tokens()) * config_.output_micros_per_mtok;
  total->set_currency(config_.currency);
  total->set_cost_micros(total->cost_micros() + static_cast<int64_t>(micros / kTokensPerPriceUnit + 0.5));
}

void BambooRuntime::Cancel(const std::string& token, const std::string& reason) {
  if (!running_.contains(token)) return;
  Fail(token, odw::v1::CANCELLED, reason.empty() ? "cancelled" : "cancelled: " + reason);
}

void BambooRuntime::Fail(const std::string& token, odw::v1::ErrorCategory category,
                         const std::string& message) {
  odw::v1::Error error;
  error.set_category(category);
  error.set_message(message);
  FailWith(token, std::move(error));
}

void BambooRuntime::FailWith(const std::string& token, odw::v1::Error error) {
  error.set_message(QuoteForPeople(error.message(), key_));
  *running_.at(token)->result.mutable_error() = std::move(error);
  End(token);
}

void BambooRuntime::End(const std::string& token) {
  const auto it = running_.find(token);
  const std::unique_ptr<Running> running = std::move(it->second);
  running_.erase(it);
  loop_->CancelTimer(running->timeout);
  loop_->CancelTimer(running->idle);
  if (running->http != 0) http_.Cancel(running->http);
  running->result.set_ended_unix_ms(UnixMillis(absl::Now()));
  if (running->result.model().empty()) running->result.set_model(running->request.model);
  sink_->Finished(std::move(running->result));
}

}  // namespace odw::executors
