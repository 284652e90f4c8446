#include "executors/cli/cli_runtime.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <utility>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "executors/cli/transcript.h"
#include "executors/errors.h"
#include "executors/usage.h"

namespace odw::executors {
namespace {

constexpr absl::Duration kLookEvery = absl::Milliseconds(200);
constexpr std::chrono::hours kHomeKept{24 * 7};

std::string Interrupted(const std::string& prompt) {
  return "The work was interrupted. See what is there already, go on from where it stopped, and "
         "finish the task:\n\n" +
         prompt;
}

}  // namespace

std::string TurnToken(const std::string& token, uint32_t turn) {
  return turn == 0 ? token : token + "." + std::to_string(turn);
}

std::string BaseToken(const std::string& turn_token) {
  return turn_token.substr(0, turn_token.find('.'));
}

CliRuntime::CliRuntime(EventLoop* loop, std::unique_ptr<CliAdapter> adapter, CliOptions options,
                       ZygoteHandle zygote, Validator* validator)
    : loop_(loop),
      adapter_(std::move(adapter)),
      options_(std::move(options)),
      validator_(validator),
      pool_(loop, options_.folder + "/tasks", std::move(zygote), this) {}

CliRuntime::~CliRuntime() {
  for (const auto& [token, running] : running_) loop_->CancelTimer(running->timer);
}

void CliRuntime::Describe(odw::v1::Register* out) const {
  adapter_->Describe(out);
  out->set_runtime_version(adapter_->version());
  out->set_supervised(true);
  // A new stream knows nothing of the sessions: each is told again.
  for (const auto& [token, running] : running_) running->session_told.clear();
}

CliTurn CliRuntime::TurnOf(const CliTask& state, const odw::v1::AgentRequest& request) const {
  CliTurn turn{.request = request,
               .prompt = state.prompt(),
               .session_id = state.session_id(),
               .resumes = state.resumes(),
               .contract = state.contract(),
               .session_usage = {},
               .folder = WorkFolder(state.token()),
               .home = state.home()};
  (void)turn.session_usage.ParseFromString(state.session_usage());
  return turn;
}

void CliRuntime::Start(Task task) {
  odw::v1::Result result;
  result.set_token(task.token);
  result.set_started_unix_ms(UnixMillis(absl::Now()));
  result.set_runtime_version(adapter_->version());
  for (const std::string& what : adapter_->NotEnforced(task.request)) result.add_not_enforced(what);

  CliTask state;
  state.set_token(task.token);
  state.set_home(HomeOf(task));
  state.set_request(task.request.SerializeAsString());
  state.set_resumes(!task.resume_session.empty());
  state.set_session_id(state.resumes() ? task.resume_session : adapter_->NewSession());
  if (state.resumes()) {
    state.set_session_usage(adapter_->SessionUsage(task.resume_session).SerializeAsString());
  }
  std::string prompt = task.request.prompt();
  if (!task.request.schema_json().empty() && !adapter_->SchemaIsNative(task.request)) {
    state.set_contract(true);
    prompt += "\n\n" + SchemaContract(task.request);
  }
  state.set_prompt(state.resumes() ? Interrupted(prompt) : prompt);
  state.set_result(result.SerializeAsString());

  const absl::Status status = StartTurn(state);
  if (status.ok()) return Follow(state);
  const bool bad = absl::IsInvalidArgument(status);
  result.set_ended_unix_ms(UnixMillis(absl::Now()));
  *result.mutable_error() =
      ErrorOf(bad ? odw::v1::INVALID_REQUEST : odw::v1::OVERLOADED,
              bad ? MessageOf(status) : "the task could not be started: " + MessageOf(status));
  sink_->Finished(std::move(result));
}

absl::Status CliRuntime::StartTurn(const CliTask& state) {
  odw::v1::AgentRequest request;
  odw::v1::Result result;
  if (!request.ParseFromString(state.request()) || !result.ParseFromString(state.result())) {
    return absl::InternalError("the state of task " + state.token() + " is damaged");
  }
  for (const std::string& name : {request.model(), request.effort()}) {
    // A CLI would take it for an option of its own.
    if (!name.empty() && name[0] == '-')
      return absl::InvalidArgumentError("'" + name + "' is no model's and no effort's name");
  }
  ODW_RETURN_IF_ERROR(MakeFolders(WorkFolder(state.token())));
  if (!state.home().empty()) ODW_RETURN_IF_ERROR(MakeFolders(state.home()));
  ODW_ASSIGN_OR_RETURN(const CliCommand command, adapter_->Command(TurnOf(state, request)));
  TaskSpec spec;
  spec.set_token(TurnToken(state.token(), state.turn()));
  std::vector<std::string> words = command.before;
  words.push_back(adapter_->program());
  words.insert(words.end(), command.args.begin(), command.args.end());
  spec.set_program(words[0]);
  spec.mutable_args()->Assign(words.begin() + 1, words.end());
  spec.mutable_env()->Assign(command.env.begin(), command.env.end());
  spec.mutable_pass_env()->Assign(command.pass_env.begin(), command.pass_env.end());
  spec.set_secret_env(command.secret_env);
  spec.set_input(command.input);
  spec.add_exit_ok(0);
  spec.set_cwd(request.cwd());
  spec.set_output_bytes_max(options_.output_bytes_max);
  spec.set_output_file(WorkFolder(state.token()) + "/output." + std::to_string(state.turn()));
  const absl::Duration timeout =
      request.timeout_ms() > 0 ? absl::Milliseconds(request.timeout_ms()) : options_.timeout;
  const absl::Duration spent = absl::Now() - absl::FromUnixMillis(result.started_unix_ms());
  spec.set_timeout_ms(
      static_cast<uint64_t>(std::max<int64_t>(1, absl::ToInt64Milliseconds(timeout - spent))));
  spec.set_idle_timeout_ms(request.stall_ms() > 0 ? request.stall_ms()
                                                  : static_cast<uint64_t>(absl::ToInt64Milliseconds(
                                                        options_.idle_timeout)));
  spec.set_state(state.SerializeAsString());
  if (!request.cwd().empty() && !std::filesystem::is_directory(request.cwd())) {
    return absl::InvalidArgumentError("cwd '" + request.cwd() +
                                      "' is not a folder on the executor's host");
  }
  return pool_.Start(spec);
}

// From here on the turn's output is watched for progress. What it comes to is read when it has
// ended.
void CliRuntime::Follow(const CliTask& state) {
  const std::string token = state.token();
  std::unique_ptr<Running>& running = running_[token];
  const bool cancelled = running != nullptr && running->cancelled;
  if (running != nullptr) loop_->CancelTimer(running->timer);
  running = std::make_unique<Running>();
  running->state = state;
  running->cancelled = cancelled;
  (void)running->request.ParseFromString(state.request());
  running->reader = adapter_->Reader(TurnOf(state, running->request));
  running->tail = LineTail(WorkFolder(token) + "/output." + std::to_string(state.turn()));
  running->followed_at = absl::Now();
  Tell(running.get());
  running->timer = loop_->After(kLookEvery, [this, token] { Look(token); });
}

void CliRuntime::Look(const std::string& token) {
  Running& running = *running_.at(token);
  running.tail.Read([&](std::string_view line) { running.reader->Line(line); });
  ReadTranscript(&running);
  Tell(&running);
  if (running.hopeless.category() == odw::v1::ERROR_CATEGORY_UNSPECIFIED) {
    running.hopeless = running.reader->hopeless();
    if (OverBudget(running))
      running.hopeless = ErrorOf(odw::v1::BUDGET, "its output tokens are used up");
    if (running.hopeless.category() != odw::v1::ERROR_CATEGORY_UNSPECIFIED) {
      pool_.Cancel(TurnToken(token, running.state.turn()));
    }
  }
  running.timer = loop_->After(kLookEvery, [this, token] { Look(token); });
}

// Looked for after waits that double: there may be none, and the folder may be a large one.
void CliRuntime::ReadTranscript(Running* running) const {
  if (running->transcript.empty()) {
    const absl::Time now = absl::Now();
    if (now < running->transcript_look_at) return;
    const std::string read = running->reader->session_id();
    const std::string& session = read.empty() ? running->state.session_id() : read;
    if (session.empty()) return;
    running->transcript = adapter_->Transcript(running->state.home(), session);
    running->transcript_look_at = now + (now - running->followed_at);
    if (running->transcript.empty()) return;
    running->transcript_tail = LineTail(running->transcript, kTranscriptBytesMax);
  }
  running->transcript_tail.Read(
      [running](std::string_view line) { running->reader->TranscriptLine(line); });
}

// A CLI cannot be clamped beforehand: it is ended once it has said more. A call under way may
// overshoot.
bool CliRuntime::OverBudget(const Running& running) const {
  const uint64_t most = running.request.output_tokens_max();
  if (most == 0) return false;
  odw::v1::Result so_far;
  (void)so_far.ParseFromString(running.state.result());
  return so_far.usage().output_tokens() + running.reader->usage_so_far().output_tokens() >= most;
}

void CliRuntime::Tell(Running* running) {
  const std::string read = running->reader->session_id();
  const std::string& session = read.empty() ? running->state.session_id() : read;
  odw::v1::Result so_far;
  (void)so_far.ParseFromString(running->state.result());
  odw::v1::Usage usage = so_far.usage();
  AddUsage(running->reader->usage_so_far(), &usage);
  // Tool calls too: they say that it works.
  const uint64_t tokens = usage.input_tokens() + usage.cached_input_tokens() +
                          usage.output_tokens() + usage.tool_calls();
  if (session == running->session_told && tokens == running->tokens_told) return;
  running->session_told = session;
  running->tokens_told = tokens;
  odw::v1::Progress progress;
  progress.set_token(running->state.token());
  progress.set_session_id(session);
  *progress.mutable_usage_so_far() = std::move(usage);
  sink_->Progress(std::move(progress));
}

void CliRuntime::Cancel(const std::string& token, const std::string& reason) {
  const auto it = running_.find(token);
  if (it == running_.end()) return pool_.Cancel(token);  // adopted a moment ago
  Running& running = *it->second;
  running.cancelled = true;
  running.hopeless =
      ErrorOf(odw::v1::CANCELLED, reason.empty() ? "cancelled" : "cancelled: " + reason);
  pool_.Cancel(TurnToken(token, running.state.turn()));
}

void CliRuntime::OnTaskLost(odw::v1::Lost lost) {
  const std::string turn_token = lost.token();
  lost.set_token(BaseToken(turn_token));
  if (turn_token != lost.token()) lost.set_not_started(false);  // turns before it ran
  const auto it = running_.find(lost.token());
  if (it != running_.end()) {
    loop_->CancelTimer(it->second->timer);
    running_.erase(it);
  }
  sink_->Lost(std::move(lost));
}

void CliRuntime::End(const std::string& token, odw::v1::Result result) {
  const auto it = running_.find(token);
  loop_->CancelTimer(it->second->timer);
  const uint32_t turns = it->second->state.turn();
  // Of a failed one the session is there, which another attempt may go on with.
  if (result.ok() && !it->second->state.home().empty())
    spent_homes_[token] = it->second->state.home();
  running_.erase(it);
  for (uint32_t turn = 0; turn < turns; ++turn) pool_.Forget(TurnToken(token, turn));
  result.set_ended_unix_ms(UnixMillis(absl::Now()));
  sink_->Finished(std::move(result));
}

void CliRuntime::Stored(const std::string& token) {
  for (uint32_t turn = 0; turn < kTurnsMax; ++turn) {
    if (turn > 0 &&
        access((options_.folder + "/tasks/" + TurnToken(token, turn)).c_str(), F_OK) != 0)
      continue;
    pool_.Forget(TurnToken(token, turn));
  }
  std::error_code error;
  std::filesystem::remove_all(WorkFolder(token), error);
  const auto spent = spent_homes_.find(token);
  if (spent == spent_homes_.end()) return;
  std::filesystem::remove_all(spent->second, error);
  spent_homes_.erase(spent);
}

// The same for all attempts of a node.
std::string CliRuntime::HomeOf(const Task& task) const {
  if (!options_.home_per_node) return "";
  const bool plain = std::all_of(task.run_id.begin(), task.run_id.end(), [](unsigned char c) {
    return isalnum(c) || c == '-' || c == '_';
  });
  const std::string node = "-n" + std::to_string(task.node);
  return options_.folder + "/homes/" + (plain ? task.run_id + node : task.token);
}

// What failed nodes have left, and those whose executor died between the result and this.
void CliRuntime::SweepHomes() const {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto oldest = fs::file_time_type::clock::now() - kHomeKept;
  std::vector<fs::path> old;
  for (fs::directory_iterator it(options_.folder + "/homes", error), end; !error && it != end;
       it.increment(error)) {
    const bool in_use = std::any_of(running_.begin(), running_.end(), [&](const auto& running) {
      return running.second->state.home() == it->path().string();
    });
    if (!in_use && fs::last_write_time(it->path(), error) < oldest) old.push_back(it->path());
  }
  for (const fs::path& home : old) fs::remove_all(home, error);
}

// Of a task's turns the last one counts; and of those that are here, each is followed again.
absl::Status CliRuntime::RemoveSuperseded() {
  const std::string folder = options_.folder + "/tasks";
  ODW_RETURN_IF_ERROR(MakeFolders(folder));
  std::map<std::string, CliTask> last;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(folder.c_str()), closedir);
  if (!entries) return ErrnoStatus("reading " + folder);
  while (const dirent* entry = readdir(entries.get())) {
    if (entry->d_name[0] == '.') continue;
    absl::StatusOr<TaskFile> file = TaskFile::Open(folder + "/" + entry->d_name);
    if (!file.ok()) continue;
    const absl::StatusOr<TaskRecord> record = file->Load();
    CliTask state;
    if (!record.ok() || !record->spec || !state.ParseFromString(record->spec->state())) continue;
    const auto [it, first] = last.emplace(state.token(), state);
    if (first) continue;
    CliTask& kept = it->second;
    if (state.turn() > kept.turn()) std::swap(state, kept);
    pool_.Forget(TurnToken(state.token(), state.turn()));
  }
  for (const auto& [token, state] : last) {
    if (!running_.contains(token)) Follow(state);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> CliRuntime::Adopt(
    const std::function<bool(const std::string& token)>& stored) {
  ODW_RETURN_IF_ERROR(RemoveSuperseded());
  ODW_ASSIGN_OR_RETURN(const std::vector<std::string> turns,
                       pool_.Adopt([&](const std::string& t) { return stored(BaseToken(t)); }));
  std::vector<std::string> tokens;
  for (const std::string& turn : turns) tokens.push_back(BaseToken(turn));
  SweepHomes();
  // Followed, but in the spool already: nothing is to come.
  std::vector<std::string> over;
  for (const auto& [token, running] : running_) {
    if (std::find(tokens.begin(), tokens.end(), token) == tokens.end()) over.push_back(token);
  }
  for (const std::string& token : over) {
    loop_->CancelTimer(running_.at(token)->timer);
    running_.erase(token);
    Stored(token);
  }
  return tokens;
}

}  // namespace odw::executors
