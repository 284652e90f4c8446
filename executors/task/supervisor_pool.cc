#include "executors/task/supervisor_pool.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "daemon/base/check.h"
#include "daemon/base/kill_point.h"
#include "daemon/base/log.h"
#include "executors/task/descriptor_passing.h"
#include "executors/task/protocol.h"

namespace odw::executors {
namespace {

constexpr size_t kIdleMax = 64;  // supervisors kept for the next task
constexpr int kTriesMax = 5;     // for a task that no supervisor could take
constexpr absl::Duration kTryAgain = absl::Milliseconds(50);
constexpr absl::Duration kHuntPause = absl::Milliseconds(5);
constexpr absl::Duration kAdoptPause = absl::Milliseconds(5);
constexpr int kCleanPassesEnough = 2;

}  // namespace

SupervisorPool::SupervisorPool(EventLoop* loop, std::string folder, ZygoteHandle zygote,
                               SupervisedTaskEvents* events)
    : loop_(loop), folder_(std::move(folder)), zygote_(std::move(zygote)), events_(events) {
  loop_->Watch(zygote_.socket.get(), EPOLLIN, [this](uint32_t) { OnZygote(); });
}

SupervisorPool::~SupervisorPool() {
  loop_->CancelTimer(hunt_timer_);
  for (const auto& [token, running] : running_) {
    if (running->adopted_pidfd.valid()) loop_->Unwatch(running->adopted_pidfd.get());
  }
  for (const auto& supervisor : supervisors_) loop_->Unwatch(supervisor->socket.get());
  loop_->Unwatch(zygote_.socket.get());
  zygote_.socket.Reset();
  waitpid(zygote_.pid, nullptr, 0);  // it ends at once: the socket was its life
}

absl::Status SupervisorPool::Start(const TaskSpec& spec) {
  TaskSpec marked = spec;
  marked.set_mark(TaskMark(spec.token(), folder_));
  ODW_ASSIGN_OR_RETURN(TaskFile file, TaskFile::Create(folder_, marked));
  auto running = std::make_unique<Running>();
  running->file = std::move(file);
  running_[spec.token()] = std::move(running);
  KillPoint("executor.task_created");
  Dispatch(spec.token());
  KillPoint("executor.task_given");
  return absl::OkStatus();
}

void SupervisorPool::Dispatch(const std::string& token) {
  Running& running = *running_.at(token);
  absl::StatusOr<Supervisor*> supervisor = FreeSupervisor();
  absl::Status status = supervisor.status();
  if (status.ok()) status = SendByte((*supervisor)->socket.get(), kRunTask, running.file.fd());
  if (!status.ok()) {
    LogWarning("no supervisor for a task: " + MessageOf(status));
    return TryAgain(token);
  }
  running.supervisor = *supervisor;
  (*supervisor)->token = token;
  if (running.cancelled) (void)SendByte((*supervisor)->socket.get(), kCancelTask);
}

// Nothing of it has been started: another supervisor may.
void SupervisorPool::TryAgain(const std::string& token) {
  Running& running = *running_.at(token);
  running.supervisor = nullptr;
  if (running.cancelled || ++running.tries >= kTriesMax) {
    return ReportLost(token, "no supervisor could be started for it", true);
  }
  loop_->After(kTryAgain * running.tries, [this, token] {
    if (running_.contains(token)) Dispatch(token);
  });
}

absl::StatusOr<SupervisorPool::Supervisor*> SupervisorPool::FreeSupervisor() {
  if (idle_.empty()) ODW_RETURN_IF_ERROR(StartSupervisor());
  Supervisor* supervisor = idle_.back();
  idle_.pop_back();
  return supervisor;
}

absl::Status SupervisorPool::StartSupervisor() {
  ODW_ASSIGN_OR_RETURN(SocketPair pair, MakeSocketPair());
  ODW_RETURN_IF_ERROR(SetNonBlocking(pair.ours.get()));
  ODW_RETURN_IF_ERROR(SendByte(zygote_.socket.get(), kForkSupervisor, pair.theirs.get()));
  auto supervisor = std::make_unique<Supervisor>();
  supervisor->socket = std::move(pair.ours);
  Supervisor* raw = supervisor.get();
  loop_->Watch(raw->socket.get(), EPOLLIN, [this, raw](uint32_t) { OnSupervisor(raw); });
  supervisors_.push_back(std::move(supervisor));
  idle_.push_back(raw);
  return absl::OkStatus();
}

void SupervisorPool::OnSupervisor(Supervisor* supervisor) {
  const absl::StatusOr<ReceivedByte> message = ReceiveByte(supervisor->socket.get());
  if (absl::IsDeadlineExceeded(message.status())) return;
  const std::string token = std::exchange(supervisor->token, "");
  if (!message.ok()) {
    Retire(supervisor);
    if (!token.empty()) OnDeath(token);
    return;
  }
  if (message->byte == kTaskDone && idle_.size() < kIdleMax) {
    idle_.push_back(supervisor);
  } else {
    Retire(supervisor);
  }
  if (!token.empty()) OnDeath(token);  // of the task: its result is in the file
}

void SupervisorPool::Retire(Supervisor* supervisor) {
  loop_->Unwatch(supervisor->socket.get());
  std::erase(idle_, supervisor);
  std::erase_if(supervisors_, [&](const auto& owned) { return owned.get() == supervisor; });
}

void SupervisorPool::OnZygote() {
  loop_->Unwatch(zygote_.socket.get());
  waitpid(zygote_.pid, nullptr, 0);
  LogWarning("the task zygote died; starting another");
  absl::StatusOr<ZygoteHandle> zygote = ExecZygote();
  if (!zygote.ok()) {
    LogError("no task zygote: " + MessageOf(zygote.status()) + "; next try in 1 s");
    loop_->After(absl::Seconds(1), [this] { OnZygote(); });
    return;
  }
  zygote_ = *std::move(zygote);
  loop_->Watch(zygote_.socket.get(), EPOLLIN, [this](uint32_t) { OnZygote(); });
}

void SupervisorPool::Cancel(const std::string& token) {
  const auto it = running_.find(token);
  if (it == running_.end()) return;
  Running& running = *it->second;
  running.cancelled = true;
  if (running.supervisor != nullptr) {
    (void)SendByte(running.supervisor->socket.get(), kCancelTask);
  } else if (running.adopted_pidfd.valid()) {
    syscall(SYS_pidfd_send_signal, running.adopted_pidfd.get(), SIGTERM, nullptr, 0);
  }
}

void SupervisorPool::Forget(const std::string& token) {
  if (unlink((folder_ + "/" + token).c_str()) != 0 && errno != ENOENT) {
    LogWarning(MessageOf(ErrnoStatus("removing the file of task " + token)));
  }
}

absl::StatusOr<std::vector<std::string>> SupervisorPool::Adopt(
    const std::function<bool(const std::string&)>& stored) {
  ODW_RETURN_IF_ERROR(MakeFolders(folder_));
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(folder_.c_str()), closedir);
  if (!folder) return ErrnoStatus("reading " + folder_);
  std::vector<std::string> tokens;
  while (const dirent* entry = readdir(folder.get())) {
    if (entry->d_name[0] == '.') continue;
    const std::string token = entry->d_name;
    if (stored(token)) {
      Forget(token);
      continue;
    }
    absl::StatusOr<TaskFile> file = TaskFile::Open(folder_ + "/" + token);
    if (!file.ok()) return file.status();
    auto running = std::make_unique<Running>();
    running->file = *std::move(file);
    running_[token] = std::move(running);
    tokens.push_back(token);
  }
  // Reported from the loop, when the caller knows the tokens.
  for (const std::string& token : tokens) loop_->After(absl::ZeroDuration(), [this, token] { AdoptOne(token); });
  return tokens;
}

void SupervisorPool::AdoptOne(const std::string& token) {
  const auto it = running_.find(token);
  if (it == running_.end()) return;
  Running& running = *it->second;
  const bool dead = running.file.TryLock();
  absl::StatusOr<TaskRecord> record = running.file.Load();
  if (dead || (record.ok() && record->result)) return OnDeath(token);
  if (record.ok() && record->owner) return WatchAdopted(token, *record->owner);
  // Handed over a moment ago: its supervisor will say who it is, or die.
  loop_->After(kAdoptPause, [this, token] { AdoptOne(token); });
}

void SupervisorPool::WatchAdopted(const std::string& token, const TaskOwner& owner) {
  Running& running = *running_.at(token);
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, owner.pid(), 0)));
  const bool same = pidfd.valid() && StartTicks(owner.pid()) == owner.start_ticks();
  if (!same) {  // it ended just now: the lock will say so
    loop_->After(kAdoptPause, [this, token] { AdoptOne(token); });
    return;
  }
  LogInfo("adopted task " + token + " of supervisor " + std::to_string(owner.pid()));
  running.owner = owner;
  running.adopted_pidfd = std::move(pidfd);
  loop_->Watch(running.adopted_pidfd.get(), EPOLLIN, [this, token](uint32_t) {
    Running& ended = *running_.at(token);
    loop_->Unwatch(ended.adopted_pidfd.get());
    ended.adopted_pidfd.Reset();
    OnDeath(token);
  });
  if (running.cancelled) Cancel(token);
}

// The supervisor has ended, or is done with this task: the file tells how.
void SupervisorPool::OnDeath(const std::string& token) {
  Running& running = *running_.at(token);
  running.supervisor = nullptr;
  absl::StatusOr<TaskRecord> record = running.file.Load();
  if (!record.ok()) {
    LogError("task " + token + ": " + MessageOf(record.status()));
    record = TaskRecord();
  }
  if (record->spec && record->result) return Ended(token, *record->spec, *std::move(record->result));
  if (!record->owner) {
    if (record->spec) return TryAgain(token);
    return ReportLost(token, "its supervisor died before it started anything", true);
  }
  running.owner = *record->owner;
  running.mark = record->spec ? record->spec->mark() : TaskMark(token, folder_);
  if (running.mark.empty()) running.mark = token;  // begun by a release before marks
  hunted_.push_back(token);
  if (hunt_timer_ == 0) Hunt();
}

void SupervisorPool::Ended(const std::string& token, const TaskSpec& spec, odw::v1::Result result) {
  running_.erase(token);
  result.set_token(token);
  events_->OnTaskEnd(spec, std::move(result));
}

void SupervisorPool::Hunt() {
  hunt_timer_ = 0;
  std::vector<LostTask> prey;
  for (const std::string& token : hunted_) {
    prey.push_back({.mark = running_.at(token)->mark, .owner = running_.at(token)->owner});
  }
  const std::vector<bool> found = KillRemains(prey);
  std::vector<std::string> proved;
  for (size_t i = 0; i < prey.size(); ++i) {
    int& passes = running_.at(hunted_[i])->clean_passes;
    passes = found[i] ? 0 : passes + 1;
    if (passes >= kCleanPassesEnough) proved.push_back(hunted_[i]);
  }
  std::erase_if(hunted_, [&](const std::string& token) {
    return std::find(proved.begin(), proved.end(), token) != proved.end();
  });
  if (!hunted_.empty()) hunt_timer_ = loop_->After(kHuntPause, [this] { Hunt(); });
  for (const std::string& token : proved) ReportLost(token, "its supervisor died", false);
}

void SupervisorPool::ReportLost(const std::string& token, const std::string& why, bool not_started) {
  running_.erase(token);
  // The file of one that began stays until the loss is acknowledged. Of another no trace may stay: the next
  // process of this executor would begin it.
  if (not_started) Forget(token);
  odw::v1::Lost lost;
  lost.set_token(token);
  lost.set_why(why);
  lost.set_not_started(not_started);
  events_->OnTaskLost(std::move(lost));
}

}  // namespace odw::executors
