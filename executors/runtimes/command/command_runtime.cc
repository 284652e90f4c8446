#include "executors/runtimes/command/command_runtime.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "daemon/base/clock.h"

namespace odw::executors {
namespace {

constexpr size_t kMismatchesShown = 5;

bool IsFolder(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

std::string Joined(const std::vector<std::string>& texts, size_t count_max) {
  std::string out;
  for (size_t i = 0; i < std::min(texts.size(), count_max); ++i) out += (i == 0 ? "" : "; ") + texts[i];
  return out;
}

void Reject(odw::v1::ErrorCategory category, const std::string& message, odw::v1::Result* result) {
  result->set_ok(false);
  *result->mutable_raw_text() = std::move(*result->mutable_value());
  result->clear_value();
  result->mutable_error()->set_category(category);
  result->mutable_error()->set_message(message);
}

}  // namespace

void ApplyVerdict(const Verdict& verdict, odw::v1::Result* result) {
  const std::string details = Joined(verdict.mismatches, kMismatchesShown);
  switch (verdict.kind) {
    case Verdict::Kind::kValid:
      result->set_schema_path(odw::v1::SCHEMA_PATH_CONTRACT);
      return result->set_value_is_json(true);
    case Verdict::Kind::kInvalid:
      return Reject(odw::v1::SCHEMA, "the output does not fit the schema: " + details, result);
    case Verdict::Kind::kNotJson:
      return Reject(odw::v1::SCHEMA, "the output is not JSON, which the schema asks for", result);
    case Verdict::Kind::kBadSchema:
      return Reject(odw::v1::INVALID_REQUEST, "the schema is wrong: " + details, result);
    case Verdict::Kind::kFailed:
      return Reject(odw::v1::SCHEMA, "the output could not be checked against the schema: " + details, result);
  }
}

CommandRuntime::CommandRuntime(EventLoop* loop, std::map<std::string, CommandConfig> commands,
                               const std::string& tasks_folder, ZygoteHandle zygote, Validator* validator)
    : commands_(std::move(commands)), validator_(validator),
      pool_(loop, tasks_folder, std::move(zygote), this) {}

void CommandRuntime::Describe(odw::v1::Register* out) const {
  out->set_runtime("command");
  out->set_supervised(true);
  for (const auto& [name, command] : commands_) {
    out->add_commands(name);
    if (command.read_only) out->add_read_only_commands(name);
  }
}

absl::StatusOr<std::vector<std::string>> CommandRuntime::Adopt(
    const std::function<bool(const std::string& token)>& stored) {
  return pool_.Adopt(stored);
}

absl::StatusOr<TaskSpec> CommandRuntime::MakeSpec(const Task& task) const {
  const odw::v1::AgentRequest& request = task.request;
  const auto declared = commands_.find(request.command());
  if (declared == commands_.end()) {
    std::string names;
    for (const auto& [name, unused] : commands_) names += (names.empty() ? "" : ", ") + name;
    return absl::UnimplementedError(
        "no command '" + request.command() + "' is declared here (declared: " +
        (names.empty() ? "none" : names) + "); add [commands." +
        (request.command().empty() ? "NAME" : request.command()) +
        "] with program = \"...\" to the executor's config and restart it");
  }
  const CommandConfig& command = declared->second;
  TaskSpec spec;
  spec.set_token(task.token);
  spec.set_program(command.program);
  spec.mutable_args()->Assign(command.args.begin(), command.args.end());
  spec.mutable_args()->MergeFrom(request.args());
  spec.mutable_exit_ok()->Assign(command.exit_ok.begin(), command.exit_ok.end());
  spec.mutable_env()->Assign(command.env.begin(), command.env.end());
  spec.mutable_pass_env()->Assign(command.pass_env.begin(), command.pass_env.end());
  spec.set_cwd(!command.cwd.empty() ? command.cwd : request.cwd());
  if (!spec.cwd().empty() && (spec.cwd()[0] != '/' || !IsFolder(spec.cwd()))) {
    return absl::InvalidArgumentError("cwd '" + spec.cwd() +
                                      "' is not a folder on the executor's host (an absolute path)");
  }
  const int64_t timeout_ms = absl::ToInt64Milliseconds(command.timeout);
  spec.set_timeout_ms(request.timeout_ms() > 0 ? request.timeout_ms() : static_cast<uint64_t>(timeout_ms));
  spec.set_output_bytes_max(command.output_bytes_max);
  spec.set_schema_json(request.schema_json());
  for (const std::string& arg : spec.args()) {
    if (arg.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError("an argument of '" + request.command() + "' holds a NUL byte");
    }
  }
  return spec;
}

void CommandRuntime::Start(Task task) {
  const absl::StatusOr<TaskSpec> spec = MakeSpec(task);
  if (!spec.ok()) {
    const bool unsupported = spec.status().code() == absl::StatusCode::kUnimplemented;
    return Refuse(task.token, unsupported ? odw::v1::UNSUPPORTED : odw::v1::INVALID_REQUEST,
                  MessageOf(spec.status()));
  }
  if (const absl::Status status = pool_.Start(*spec); !status.ok()) {
    Refuse(task.token, odw::v1::OVERLOADED, "the task could not be written down: " + MessageOf(status));
  }
}

void CommandRuntime::Refuse(const std::string& token, odw::v1::ErrorCategory category,
                            const std::string& message) {
  odw::v1::Result result;
  result.set_token(token);
  result.mutable_error()->set_category(category);
  result.mutable_error()->set_message(message);
  const int64_t now = UnixMillis(absl::Now());
  result.set_started_unix_ms(now);
  result.set_ended_unix_ms(now);
  sink_->Finished(std::move(result));
}

void CommandRuntime::Cancel(const std::string& token, const std::string&) { pool_.Cancel(token); }

void CommandRuntime::OnTaskEnd(const TaskSpec& spec, odw::v1::Result result) {
  if (!result.ok() || spec.schema_json().empty()) return sink_->Finished(std::move(result));
  const std::string text = result.value();
  validator_->Check(spec.schema_json(), text,
                    [this, result = std::move(result)](const Verdict& verdict) mutable {
                      ApplyVerdict(verdict, &result);
                      sink_->Finished(std::move(result));
                    });
}

}  // namespace odw::executors
