#include "executors/task/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "daemon/base/clock.h"
#include "daemon/base/kill_point.h"
#include "daemon/base/log.h"
#include "executors/task/child_process.h"
#include "executors/task/descriptor_passing.h"
#include "executors/task/process_table.h"
#include "executors/task/protocol.h"
#include "executors/task/task_file.h"
#include "executors/text.h"

namespace odw::executors {
namespace {

using odw::v1::ErrorCategory;
using odw::v1::Result;

constexpr absl::Duration kTermGrace = absl::Seconds(5);      // between SIGTERM and SIGKILL
constexpr absl::Duration kKillAgain = absl::Milliseconds(10);  // until nothing is left
constexpr useconds_t kDiskRetryUs = 500'000;                 // a full disk: the result waits
constexpr size_t kReuseOutputBytesMax = 1 << 20;             // past it the process ends with its memory

// Why a task was ended before its own end.
struct EarlyEnd {
  ErrorCategory category;
  std::string message;
};

class Supervisor {
 public:
  explicit Supervisor(UniqueFd control) : control_(std::move(control)) {}

  // False when it cannot work at all.
  bool Prepare() {
    setsid();
    prctl(PR_SET_NAME, "odw-supervisor");
    signal(SIGCHLD, SIG_DFL);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return false;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    signals_ = UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    null_ = UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC));
    owner_.set_boot_id(BootId());
    owner_.set_pid(getpid());
    owner_.set_start_ticks(StartTicks(getpid()));
    return signals_.valid() && null_.valid() && owner_.start_ticks() != 0;
  }

  // Tasks, one after another, until the executor is gone.
  void Serve() {
    while (control_.valid()) {
      absl::StatusOr<ReceivedByte> message = ReceiveByte(control_.get());
      if (!message.ok()) return;
      if (message->byte != kRunTask || !message->fd.valid()) continue;  // a cancel that came too late
      const size_t output_bytes = RunTask(TaskFile(std::move(message->fd)));
      const bool leave = output_bytes > kReuseOutputBytesMax;
      if (control_.valid()) (void)SendByte(control_.get(), leave ? kTaskDoneLeaving : kTaskDone);
      if (leave) return;
    }
  }

 private:
  size_t RunTask(TaskFile file) {
    const absl::StatusOr<TaskRecord> record = file.Load();
    if (!record.ok() || !record->spec) _exit(1);  // never started: the executor tries another way
    while (!file.AppendOwner(owner_).ok()) usleep(kDiskRetryUs);
    const TaskSpec& spec = *record->spec;
    early_end_.reset();
    Result result;
    result.set_token(spec.token());
    result.set_started_unix_ms(UnixMillis(absl::Now()));
    KillPoint("supervisor.before_spawn");
    absl::StatusOr<ChildProcess> child = ChildProcess::Spawn(spec, null_.get());
    KillPoint("supervisor.after_spawn");
    if (child.ok()) {
      Watch(spec, &*child);
      // The last of it may have come after the end.
      if (child->output_too_large() && !early_end_) early_end_ = TooLarge(spec);
      FillResult(spec, &*child, &result);
    } else {
      result.mutable_error()->set_category(odw::v1::INVALID_REQUEST);
      result.mutable_error()->set_message(MessageOf(child.status()));
    }
    result.set_ended_unix_ms(UnixMillis(absl::Now()));
    KillPoint("supervisor.before_result");
    while (!file.AppendResult(result).ok()) usleep(kDiskRetryUs);
    KillPoint("supervisor.after_result");
    return result.value().size();
  }

  // Until the command and all that it started have ended and their output is read.
  void Watch(const TaskSpec& spec, ChildProcess* child) {
    const absl::Time start = absl::Now();
    deadline_ = spec.timeout_ms() > 0 ? start + absl::Milliseconds(spec.timeout_ms()) : absl::InfiniteFuture();
    const absl::Duration idle_max =
        spec.idle_timeout_ms() > 0 ? absl::Milliseconds(spec.idle_timeout_ms()) : absl::InfiniteDuration();
    idle_deadline_ = start + idle_max;
    uint64_t output_bytes = 0;
    for (;;) {
      if (child->exited()) {
        if (child->alone()) return child->ReadRest();
        child->KillAll();
      }
      PollOnce(child);
      if (child->output_too_large()) EndEarly(child, TooLarge(spec));
      if (child->output_bytes() != std::exchange(output_bytes, child->output_bytes())) {
        idle_deadline_ = absl::Now() + idle_max;
      } else if (!early_end_ && absl::Now() >= idle_deadline_) {
        EndEarly(child, {odw::v1::STALL, "not a word for " + absl::FormatDuration(idle_max)});
      }
      if (absl::Now() < deadline_) continue;
      if (early_end_) {
        child->KillAll();  // SIGTERM was not enough
        deadline_ = absl::Now() + kKillAgain;
      } else {
        EndEarly(child, {odw::v1::TIMEOUT, "still running after " + std::to_string(spec.timeout_ms()) + " ms"});
      }
    }
  }

  void EndEarly(ChildProcess* child, EarlyEnd why) {
    if (early_end_ || child->exited()) return;
    early_end_ = std::move(why);
    child->Signal(SIGTERM);
    deadline_ = absl::Now() + kTermGrace;
  }

  void PollOnce(ChildProcess* child) {
    pollfd ready[] = {{.fd = signals_.get(), .events = POLLIN},
                      {.fd = control_.get(), .events = POLLIN},
                      {.fd = child->stdout_fd(), .events = POLLIN},
                      {.fd = child->stderr_fd(), .events = POLLIN}};
    absl::Duration wait = deadline_ - absl::Now();
    if (!early_end_) wait = std::min(wait, idle_deadline_ - absl::Now());
    if (child->exited()) wait = std::min(wait, kKillAgain);
    int wait_ms = -1;
    if (wait != absl::InfiniteDuration()) {
      wait_ms = static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(wait) + 1, 0, 3'600'000));
    }
    if (poll(ready, 4, wait_ms) < 0) return;
    if (ready[2].revents != 0) child->ReadStdout();
    if (ready[3].revents != 0) child->ReadStderr();
    if (ready[1].revents != 0) ReadControl(child);
    if (ready[0].revents != 0) ReadSignals(child);
    if (ready[0].revents != 0 || child->exited()) child->Reap();
  }

  void ReadControl(ChildProcess* child) {
    const absl::StatusOr<ReceivedByte> message = ReceiveByte(control_.get());
    if (!message.ok()) {
      control_.Reset();  // the executor is gone; its next life finds the task's file
    } else if (message->byte == kCancelTask) {
      EndEarly(child, {odw::v1::CANCELLED, "cancelled"});
    }
  }

  void ReadSignals(ChildProcess* child) {
    signalfd_siginfo info;
    while (read(signals_.get(), &info, sizeof info) == sizeof info) {
      if (info.ssi_signo == SIGTERM) EndEarly(child, {odw::v1::CANCELLED, "cancelled"});
    }
  }

  void FillResult(const TaskSpec& spec, ChildProcess* child, Result* result) {
    const int status = child->wait_status();
    std::string output = child->TakeOutput();
    const bool clean = WIFEXITED(status) &&
                       std::find(spec.exit_ok().begin(), spec.exit_ok().end(), WEXITSTATUS(status)) !=
                           spec.exit_ok().end();
    if (clean && !early_end_) {
      if (!output.empty() && output.back() == '\n') output.pop_back();
      result->set_ok(true);
      result->set_value(ToValidUtf8(output));
      return;
    }
    odw::v1::Error* error = result->mutable_error();
    std::string message;
    if (early_end_) {
      error->set_category(early_end_->category);
      message = early_end_->message;
    } else if (WIFSIGNALED(status)) {
      error->set_category(odw::v1::CRASHED);
      error->set_exit_status(-WTERMSIG(status));
      message = "ended by signal " + std::to_string(WTERMSIG(status));
    } else {
      error->set_category(odw::v1::EXIT_STATUS);
      error->set_exit_status(WEXITSTATUS(status));
      message = "exit status " + std::to_string(WEXITSTATUS(status));
    }
    const std::string errors = ToValidUtf8(TailOf(child->errors(), kErrorsShownBytes));
    if (!errors.empty()) message += "; stderr ends: " + errors;
    error->set_message(message);
  }

  EarlyEnd TooLarge(const TaskSpec& spec) const {
    return {odw::v1::OUTPUT_TOO_LARGE, "stdout is larger than " +
                                           std::to_string(spec.output_bytes_max()) +
                                           " bytes (output_bytes_max in the executor's config)"};
  }

  static constexpr size_t kErrorsShownBytes = 4 << 10;

  UniqueFd control_;
  UniqueFd signals_;
  UniqueFd null_;
  TaskOwner owner_;
  absl::Time deadline_;
  absl::Time idle_deadline_;
  std::optional<EarlyEnd> early_end_;
};

}  // namespace

void SupervisorMain(UniqueFd control) {
  Supervisor supervisor(std::move(control));
  if (!supervisor.Prepare()) {
    LogError("a task supervisor cannot start here: no subreaper, signalfd or /proc");
    _exit(1);
  }
  supervisor.Serve();
  _exit(0);
}

}  // namespace odw::executors
