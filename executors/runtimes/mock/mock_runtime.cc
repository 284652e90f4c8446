#include "executors/runtimes/mock/mock_runtime.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "daemon/base/clock.h"
#include "daemon/base/fd.h"
#include "daemon/base/log.h"

namespace odw::executors {
namespace {

constexpr size_t kDefaultTextCharacters = 200;
constexpr size_t kMismatchesShown = 5;

uint64_t TokensOf(const std::string& text) { return (CountCharacters(text) + 3) / 4; }

// Where a node with a work tree of its own writes.
std::string InFolder(const std::string& folder, const std::string& path) {
  return path.empty() || path[0] == '/' || folder.empty() ? path : folder + "/" + path;
}

// One write to an O_APPEND file: the line is whole, whoever else writes.
absl::Status AppendLine(const std::string& path, const std::string& line) {
  UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd.valid()) return ErrnoStatus("opening " + path);
  const std::string whole = line + "\n";
  return WriteAll(fd.get(), whole.data(), whole.size());
}

std::string Joined(const std::vector<std::string>& mismatches) {
  std::string out;
  for (size_t i = 0; i < std::min(mismatches.size(), kMismatchesShown); ++i) {
    out += (i == 0 ? "" : "; ") + mismatches[i];
  }
  return out;
}

}  // namespace

MockRuntime::MockRuntime(EventLoop* loop, Validator* validator)
    : loop_(loop), validator_(validator) {}

MockRuntime::~MockRuntime() {
  for (const auto& [token, running] : running_) loop_->CancelTimer(running.timer);
}

void MockRuntime::Start(Task task) {
  const std::string token = task.token;
  absl::StatusOr<MockPlan> plan = ParseMockPrompt(task.request.prompt());
  Running& running = running_[token];
  running.started_unix_ms = UnixMillis(absl::Now());
  running.task = std::move(task);
  if (!plan.ok()) return Fail(token, odw::v1::INVALID_REQUEST, MessageOf(plan.status()));
  running.plan = *std::move(plan);
  const uint64_t timeout_ms = running.task.request.timeout_ms();
  const uint64_t delay_ms = running.plan.delay_ms;
  if (timeout_ms > 0 && (running.plan.hang || timeout_ms < delay_ms)) {
    running.timer = loop_->After(absl::Milliseconds(timeout_ms), [this, token, timeout_ms] {
      Fail(token, odw::v1::TIMEOUT, "no answer within " + std::to_string(timeout_ms) + " ms");
    });
    return;
  }
  if (running.plan.hang) return;
  if (delay_ms == 0) return Work(token);
  running.timer = loop_->After(absl::Milliseconds(delay_ms), [this, token] { Work(token); });
}

void MockRuntime::Cancel(const std::string& token, const std::string& reason) {
  if (!running_.contains(token)) return;
  Fail(token, odw::v1::CANCELLED, reason.empty() ? "cancelled" : "cancelled: " + reason);
}

void MockRuntime::Work(const std::string& token) {
  Running& running = running_.at(token);
  running.timer = 0;
  for (const auto& [path, line] : running.plan.appends) {
    if (const absl::Status status = AppendLine(InFolder(running.task.request.cwd(), path), line); !status.ok()) {
      return Fail(token, odw::v1::INVALID_REQUEST, "[[append]]: " + MessageOf(status));
    }
  }
  if (running.plan.fail != odw::v1::ERROR_CATEGORY_UNSPECIFIED &&
      running.task.attempt <= running.plan.fail_attempts) {
    return Fail(token, running.plan.fail,
                "the prompt asked for " + odw::v1::ErrorCategory_Name(running.plan.fail));
  }
  Answer(token);
}

void MockRuntime::Answer(const std::string& token) {
  Running& running = running_.at(token);
  const MockPlan& plan = running.plan;
  if (!running.task.request.schema_json().empty()) {
    running.schema.emplace(validator_, running.task.request);
    if (plan.json) return Judge(token, *plan.json);
    if (plan.say) return Judge(token, *plan.say);
    return validator_->Synthesize(running.task.request.schema_json(),
                                  [this, token](const Verdict& verdict) { OnSynthesized(token, verdict); });
  }
  if (plan.big_kib) return Succeed(token, std::string(size_t{*plan.big_kib} << 10, 'x'), false);
  if (plan.say) return Succeed(token, *plan.say, false);
  if (plan.json) return Succeed(token, *plan.json, false);
  Succeed(token, "mock: " + FirstCharacters(plan.rest, kDefaultTextCharacters), false);
}

void MockRuntime::Judge(const std::string& token, const std::string& text) {
  running_.at(token).raw_text = text;
  running_.at(token).schema->Judge(
      text, [this, token, text](const SchemaOutcome& outcome) { OnOutcome(token, text, outcome); });
}

void MockRuntime::OnOutcome(const std::string& token, const std::string& text, const SchemaOutcome& outcome) {
  const auto it = running_.find(token);
  if (it == running_.end()) return;  // cancelled meanwhile
  Running& running = it->second;
  switch (outcome.kind) {
    case SchemaOutcome::Kind::kAccepted:
      running.path = running.schema->PathOf(odw::v1::SCHEMA_PATH_CONTRACT);
      return Succeed(token, outcome.json, true);
    case SchemaOutcome::Kind::kRepair: {
      const std::vector<std::string>& then = running.plan.then_json;
      if (then.empty()) return Judge(token, text);
      return Judge(token, then[std::min<size_t>(running.schema->repair_turns(), then.size() - 1)]);
    }
    case SchemaOutcome::Kind::kFailed:
      return Fail(token, outcome.error.category(), outcome.error.message());
  }
}

void MockRuntime::OnSynthesized(const std::string& token, const Verdict& verdict) {
  const auto it = running_.find(token);
  if (it == running_.end()) return;  // cancelled meanwhile
  const std::string details = Joined(verdict.mismatches);
  switch (verdict.kind) {
    case Verdict::Kind::kValid:
      it->second.path = odw::v1::SCHEMA_PATH_NATIVE;
      return Succeed(token, verdict.value_json, true);
    case Verdict::Kind::kInvalid:
    case Verdict::Kind::kNotJson:
      return Fail(token, odw::v1::SCHEMA, "the mock runtime finds no value that fits the schema: " + details);
    case Verdict::Kind::kBadSchema:
      return Fail(token, odw::v1::INVALID_REQUEST, "the schema is wrong: " + details);
    case Verdict::Kind::kFailed:
      return Fail(token, odw::v1::SCHEMA, "the schema could not be worked on: " + details);
  }
}

void MockRuntime::Succeed(const std::string& token, std::string value, bool is_json) {
  const Running& running = running_.at(token);
  odw::v1::Result result;
  result.set_ok(true);
  odw::v1::Usage* usage = result.mutable_usage();
  const uint64_t cached = running.plan.cached_tokens.value_or(0);
  usage->set_input_tokens(running.plan.input_tokens.value_or(TokensOf(running.task.request.prompt())));
  usage->set_output_tokens(running.plan.output_tokens.value_or(TokensOf(value)));
  usage->set_cached_input_tokens(cached);
  usage->set_model_calls(1 + (running.schema ? running.schema->repair_turns() : 0));
  result.set_value(std::move(value));
  result.set_value_is_json(is_json);
  End(token, std::move(result));
}

void MockRuntime::Fail(const std::string& token, odw::v1::ErrorCategory category,
                       const std::string& message) {
  odw::v1::Result result;
  result.mutable_error()->set_category(category);
  result.mutable_error()->set_message(message);
  const MockPlan& plan = running_.at(token).plan;
  result.mutable_usage()->set_input_tokens(plan.input_tokens.value_or(0));
  result.mutable_usage()->set_output_tokens(plan.output_tokens.value_or(0));
  result.mutable_usage()->set_cached_input_tokens(plan.cached_tokens.value_or(0));
  End(token, std::move(result));
}

void MockRuntime::End(const std::string& token, odw::v1::Result result) {
  const auto it = running_.find(token);
  loop_->CancelTimer(it->second.timer);
  const std::string& model = it->second.task.request.model();
  if (it->second.schema) result.set_repair_turns(it->second.schema->repair_turns());
  if (it->second.raw_text != result.value()) result.set_raw_text(it->second.raw_text);
  result.set_schema_path(it->second.path);
  result.set_token(token);
  result.set_model(model.empty() ? "mock" : model);
  result.set_started_unix_ms(it->second.started_unix_ms);
  result.set_ended_unix_ms(UnixMillis(absl::Now()));
  running_.erase(it);
  sink_->Finished(std::move(result));
}

}  // namespace odw::executors
