#include "executors/runtimes/bamboo/bamboo_runtime.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "executors/credential.h"
#include "executors/errors.h"
#include "executors/runtimes/bamboo/tools.h"
#include "executors/sandbox.h"
#include "executors/task/process_table.h"
#include "executors/text.h"
#include "executors/usage.h"

namespace odw::executors {
namespace {

namespace fs = std::filesystem;

constexpr char kAnyModel[] = "*";     // a provider takes more names than we know
constexpr uint64_t kSweepEvery = 64;  // failures
constexpr size_t kSessionsMax = 256;  // kept of failed tasks, to be gone on with; the oldest go
// The wording of a task; a change in its meaning is a new contract version in the daemon's reuse
// key.
constexpr char kContract[] =
    "You are one step of a program. Your final text is its return value: answer with the result "
    "itself, "
    "not with a message about it.";
constexpr char kToolsContract[] =
    " You work in a folder; paths are relative to it. Use the tools as needed, then answer without "
    "calling one.";
constexpr char kGoOn[] =
    "The work was interrupted. Go on from where it stopped and finish the task.";

std::string SystemPrompt(const odw::v1::AgentRequest& request, bool tools) {
  std::string prompt = request.system_prompt();
  if (!prompt.empty()) prompt += "\n\n";
  prompt += kContract;
  if (tools) prompt += kToolsContract;
  if (!request.schema_json().empty()) prompt += " " + SchemaContract(request);
  return prompt;
}

TurnRecord Said(const char* role, const std::string& content) {
  TurnRecord record;
  record.mutable_message()->set_role(role);
  record.mutable_message()->set_content(content);
  return record;
}

bool IsPlain(const std::string& name) {
  return !name.empty() && name.size() <= 128 &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return isalnum(c) || c == '-' || c == '_'; });
}

}  // namespace

absl::StatusOr<std::unique_ptr<BambooRuntime>> BambooRuntime::FromEnvironment(
    EventLoop* loop, const BambooConfig& config, const std::string& folder, Validator* validator) {
  ODW_ASSIGN_OR_RETURN(std::vector<Endpoint> endpoints, EndpointsFromEnvironment(config));
  for (const char* made : {"/turns", "/sessions"}) ODW_RETURN_IF_ERROR(MakeFolders(folder + made));
  return std::unique_ptr<BambooRuntime>(
      new BambooRuntime(loop, config, folder, std::move(endpoints), validator));
}

BambooRuntime::BambooRuntime(EventLoop* loop, BambooConfig config, std::string folder,
                             std::vector<Endpoint> endpoints, Validator* validator)
    : loop_(loop),
      config_(std::move(config)),
      folder_(std::move(folder)),
      endpoints_(std::move(endpoints)),
      validator_(validator),
      http_(loop),
      commands_(loop) {}

BambooRuntime::~BambooRuntime() {
  for (const auto& [token, running] : running_) {
    loop_->CancelTimer(running->timeout);
    loop_->CancelTimer(running->idle);
  }
}

void BambooRuntime::Describe(odw::v1::Register* out) const {
  out->set_runtime("bamboo");
  out->set_supervised(
      true);  // the turn log is there before anything is done, and until the result is stored
  out->set_clamps_output(true);
  for (const Endpoint& endpoint : endpoints_) {
    std::vector<std::string> names = {endpoint.model};
    names.insert(names.end(), endpoint.models.begin(), endpoint.models.end());
    for (const std::string& name : names) {
      odw::v1::Model* model = out->add_models();
      model->set_provider(endpoint.provider);
      model->set_name(name);
      if (name != endpoint.model) continue;
      model->set_currency(endpoint.price.currency);
      model->set_input_micros_per_mtok(endpoint.price.input_micros_per_mtok);
      model->set_cached_micros_per_mtok(endpoint.price.cached_micros_per_mtok);
      model->set_output_micros_per_mtok(endpoint.price.output_micros_per_mtok);
      model->set_context_tokens(endpoint.price.context_tokens);
    }
    odw::v1::Model* any = out->add_models();
    any->set_provider(endpoint.provider);
    any->set_name(kAnyModel);
    AddCredential(endpoint.provider, endpoint.key, out);
  }
}

// What follows from the request alone, for a new task and for one found in a turn log.
absl::Status BambooRuntime::Prepare(Running* running) {
  const odw::v1::AgentRequest& request = running->task.request;
  odw::v1::Result& result = running->result;
  result.set_token(running->task.token);
  result.set_session_id(running->task.token);
  running->endpoint = ChooseEndpoint(endpoints_, request.provider(), request.model());
  if (running->endpoint == nullptr) {
    std::string names;
    for (const Endpoint& endpoint : endpoints_)
      names += (names.empty() ? "" : ", ") + endpoint.provider;
    return absl::UnimplementedError("no provider '" + request.provider() +
                                    "' here (there are: " + names +
                                    "); set its key in the executor's environment and restart it");
  }
  result.set_provider(running->endpoint->provider);
  running->tools = config_.tools ? ToolsFor(request) : std::vector<std::string>();
  running->request = {.model = ModelOf(request, running->endpoint->model),
                      .effort = request.effort(),
                      .max_tokens = config_.max_tokens,
                      .tools_json = running->tools.empty() ? "" : ToolDefinitions(running->tools)};
  running->price = PriceFor(*running->endpoint, running->request.model);
  running->idle_max =
      request.stall_ms() > 0 ? absl::Milliseconds(request.stall_ms()) : config_.idle_timeout;
  if (running->request.model.empty()) {
    return absl::InvalidArgumentError(
        "no model: give agent() one, or set bamboo.model in the executor's config");
  }
  std::error_code error;
  if (!running->tools.empty() && !fs::is_directory(request.cwd(), error)) {
    return absl::InvalidArgumentError("cwd '" + request.cwd() +
                                      "' is not a folder on the executor's host");
  }
  const bool runs =
      std::find(running->tools.begin(), running->tools.end(), "run") != running->tools.end();
  if (runs && SandboxProgram().empty()) {
    if (PermissionOf(request) != Permission::kFull) {
      result.add_not_enforced(
          "workspace-write: no bubblewrap here, so shell commands are not confined to the folder");
    }
    if (request.network() == "no")
      result.add_not_enforced("network: no bubblewrap here, so shell commands can reach it");
  }
  return absl::OkStatus();
}

absl::Status BambooRuntime::BeginConversation(Running* running) {
  const Task& task = running->task;
  const int64_t now = running->result.started_unix_ms();
  const bool resumes =
      IsPlain(task.resume_session) && access(SessionPath(task.resume_session).c_str(), R_OK) == 0;
  if (resumes) {
    ODW_RETURN_IF_ERROR(running->conversation.Continue(SessionPath(task.resume_session),
                                                       LogPath(task.token), task, now));
    // Where the model's word is the last one, it is to go on; an answer to its tools does that by
    // itself.
    if (running->conversation.messages().empty() ||
        running->conversation.messages().back().role() != "assistant") {
      return absl::OkStatus();
    }
    if (!running->conversation.OpenCalls().empty()) return absl::OkStatus();
    return running->conversation.Add(Said("user", kGoOn));
  }
  ODW_RETURN_IF_ERROR(running->conversation.Begin(LogPath(task.token), task, now));
  ODW_RETURN_IF_ERROR(running->conversation.Add(
      Said("system", SystemPrompt(task.request, !running->tools.empty()))));
  return running->conversation.Add(Said("user", task.request.prompt()));
}

void BambooRuntime::Start(Task task) {
  const std::string token = task.token;
  auto owned = std::make_unique<Running>();
  Running& running = *owned;
  running.task = std::move(task);
  running.result.set_started_unix_ms(UnixMillis(absl::Now()));
  running_[token] = std::move(owned);
  if (const absl::Status status = Prepare(&running); !status.ok()) {
    return Fail(token,
                absl::IsUnimplemented(status) ? odw::v1::UNSUPPORTED : odw::v1::INVALID_REQUEST,
                MessageOf(status));
  }
  if (const absl::Status status = BeginConversation(&running); !status.ok()) {
    return Fail(token, odw::v1::OVERLOADED,
                "the task could not be written down: " + MessageOf(status));
  }
  if (!running.task.request.schema_json().empty())
    running.schema.emplace(validator_, running.task.request);
  odw::v1::Progress progress;
  progress.set_token(token);
  progress.set_session_id(token);
  sink_->Progress(std::move(progress));
  ArmTimeout(token);
  if (AnswerInterrupted(token)) GoOn(token);
}

void BambooRuntime::ArmTimeout(const std::string& token) {
  Running& running = *running_.at(token);
  const uint32_t asked_ms = running.task.request.timeout_ms();
  const absl::Duration timeout = asked_ms > 0 ? absl::Milliseconds(asked_ms) : config_.timeout;
  const absl::Duration left =
      timeout - (absl::Now() - absl::FromUnixMillis(running.result.started_unix_ms()));
  running.timeout = loop_->After(std::max(left, absl::ZeroDuration()), [this, token, timeout] {
    Fail(token, odw::v1::TIMEOUT, "no answer within " + absl::FormatDuration(timeout));
  });
}

// Files are read and written again; a command that may have run is not repeated. Only the first
// open call can have begun. False: the task has failed.
bool BambooRuntime::AnswerInterrupted(const std::string& token) {
  const std::vector<ToolCall> open = running_.at(token)->conversation.OpenCalls();
  if (open.empty() || open[0].name() != "run") return true;
  TurnRecord record =
      Said("tool", "interrupted: see what the command has done, and run it again if need be");
  record.mutable_message()->set_call_id(open[0].id());
  return Add(token, std::move(record));
}

// From wherever the conversation stands.
void BambooRuntime::GoOn(const std::string& token) {
  Running& running = *running_.at(token);
  running.open_calls = running.conversation.OpenCalls();
  if (!running.open_calls.empty()) return NextCall(token);
  const auto& messages = running.conversation.messages();
  if (!messages.empty() && messages.back().role() == "assistant") return OnFinalAnswer(token);
  Ask(token);
}

absl::StatusOr<std::vector<std::string>> BambooRuntime::Adopt(
    const std::function<bool(const std::string& token)>& stored) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir((folder_ + "/turns").c_str()), closedir);
  if (!folder) return ErrnoStatus("reading " + folder_ + "/turns");
  std::vector<std::string> tokens;
  while (const dirent* entry = readdir(folder.get())) {
    if (entry->d_name[0] == '.') continue;
    const std::string token = entry->d_name;
    if (stored(token)) {
      Stored(token);
    } else {
      tokens.push_back(token);
    }
  }
  SweepSessions();
  for (const std::string& token : tokens) {
    // Reported from the loop, when the caller knows the tokens.
    loop_->After(absl::ZeroDuration(), [this, token] {
      KillTask(TaskMark(token, folder_));  // commands of the former process
      auto owned = std::make_unique<Running>();
      Running& running = *owned;
      running.task.token = token;
      running_[token] = std::move(owned);
      absl::Status status = running.conversation.Load(LogPath(token), &running.task);
      running.result.set_started_unix_ms(running.conversation.started_unix_ms());
      if (status.ok()) status = Prepare(&running);
      if (!status.ok())
        return Fail(token, odw::v1::CRASHED,
                    "its turn log cannot be gone on with: " + MessageOf(status));
      if (running.conversation.messages().size() < 2) {
        status = BeginConversation(&running);
        if (!status.ok()) return Fail(token, odw::v1::OVERLOADED, MessageOf(status));
      }
      if (!running.task.request.schema_json().empty()) {
        running.schema.emplace(validator_, running.task.request, running.conversation.repairs());
      }
      LogInfo("task " + token + " goes on after turn " +
              std::to_string(running.conversation.turns()));
      ArmTimeout(token);
      if (AnswerInterrupted(token)) GoOn(token);
    });
  }
  return tokens;
}

void BambooRuntime::Cancel(const std::string& token, const std::string& reason) {
  if (!running_.contains(token)) return;
  Fail(token, odw::v1::CANCELLED, reason.empty() ? "cancelled" : "cancelled: " + reason);
}

void BambooRuntime::Fail(const std::string& token, odw::v1::ErrorCategory category,
                         const std::string& message) {
  FailWith(token, ErrorOf(category, message));
}

void BambooRuntime::FailWith(const std::string& token, odw::v1::Error error) {
  Running& running = *running_.at(token);
  const std::string key = running.endpoint != nullptr ? running.endpoint->key : "";
  error.set_message(QuoteForPeople(error.message(), key));
  *running.result.mutable_error() = std::move(error);
  End(token);
}

void BambooRuntime::End(const std::string& token) {
  const auto it = running_.find(token);
  const std::unique_ptr<Running> running = std::move(it->second);
  running_.erase(it);
  loop_->CancelTimer(running->timeout);
  loop_->CancelTimer(running->idle);
  if (running->http != 0) http_.Cancel(running->http);
  if (running->command != 0) commands_.Kill(running->command);
  if (running->ran_commands)
    KillTask(TaskMark(token, folder_));  // what they left in the background
  odw::v1::Result& result = running->result;
  *result.mutable_usage() = running->conversation.usage();
  result.set_model(running->conversation.model().empty() ? running->request.model
                                                         : running->conversation.model());
  result.set_ended_unix_ms(UnixMillis(absl::Now()));
  // A failed one may be gone on with, by another attempt; a good one is over.
  std::error_code error;
  if (!result.ok()) {
    fs::copy_file(LogPath(token), SessionPath(token), fs::copy_options::overwrite_existing, error);
    if (++failed_ % kSweepEvery == 0) SweepSessions();
  }
  sink_->Finished(std::move(result));
}

void BambooRuntime::Stored(const std::string& token) { unlink(LogPath(token).c_str()); }

void BambooRuntime::SweepSessions() const {
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, fs::path>> sessions;
  for (fs::directory_iterator it(folder_ + "/sessions", error), end; !error && it != end;
       it.increment(error)) {
    sessions.emplace_back(fs::last_write_time(it->path(), error), it->path());
  }
  if (sessions.size() <= kSessionsMax) return;
  std::sort(sessions.begin(), sessions.end());
  for (size_t i = 0; i < sessions.size() - kSessionsMax; ++i) fs::remove(sessions[i].second, error);
}

}  // namespace odw::executors
