#include "executors/runtimes/bamboo/command_runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "executors/task/child_process.h"
#include "executors/task/process_table.h"

namespace odw::executors {
namespace {

constexpr size_t kReadBytes = 64 << 10;
constexpr int kKillPassesMax = 100;  // past it something forks faster than we kill

}  // namespace

struct CommandRunner::Running {
  Subprocess child;
  UniqueFd output;
  std::string text;
  size_t output_bytes_max;
  EventLoop::TimerId timer = 0;
  bool timed_out = false;
  Done done;
};

CommandRunner::CommandRunner(EventLoop* loop) : loop_(loop) {}

CommandRunner::~CommandRunner() {
  while (!running_.empty()) Kill(running_.begin()->first);
}

CommandRunner::JobId CommandRunner::Run(const CommandJob& job, Done done) {
  const JobId id = next_id_++;
  TaskSpec spec;
  spec.set_mark(job.mark);
  spec.mutable_pass_env()->Assign(job.pass_env.begin(), job.pass_env.end());
  int fds[2] = {-1, -1};
  absl::StatusOr<Subprocess> child = absl::UnavailableError("no pipe");
  if (pipe2(fds, O_CLOEXEC) == 0) {
    child = StartSubprocess({.argv = job.argv,
                             .env = TaskEnvironment(spec),
                             .inherit_env = false,
                             .cwd = job.cwd,
                             .fds = {{fds[1], 1}, {fds[1], 2}},
                             .new_session = true});
  }
  UniqueFd ours(fds[0]);
  const UniqueFd theirs(fds[1]);
  if (!child.ok() || !SetNonBlocking(ours.get()).ok()) {
    CommandEnd end{
        .output = MessageOf(child.status()), .status = -1, .how = CommandEnd::How::kNotStarted};
    loop_->After(absl::ZeroDuration(), [done = std::move(done), end] { done(end); });
    return id;
  }
  auto running = std::make_unique<Running>();
  running->child = *std::move(child);
  running->output = std::move(ours);
  running->output_bytes_max = job.output_bytes_max;
  running->done = std::move(done);
  loop_->Watch(running->output.get(), EPOLLIN, [this, id](uint32_t) { Read(id); });
  loop_->Watch(running->child.pidfd(), EPOLLIN, [this, id](uint32_t) { OnExit(id); });
  running->timer = loop_->After(job.timeout, [this, id] {
    Running& late = *running_.at(id);
    late.timed_out = true;
    kill(-late.child.pid(), SIGKILL);  // not reaped yet: the number is its own
  });
  running_.emplace(id, std::move(running));
  return id;
}

void CommandRunner::Read(JobId id) {
  Running& running = *running_.at(id);
  char buffer[kReadBytes];
  while (running.output.valid()) {
    const ssize_t got = read(running.output.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      loop_->Unwatch(running.output.get());
      return running.output.Reset();
    }
    const size_t room =
        running.output_bytes_max - std::min(running.output_bytes_max, running.text.size());
    running.text.append(buffer, std::min(room, static_cast<size_t>(got)));
    if (static_cast<size_t>(got) < sizeof buffer) return;
  }
}

void CommandRunner::OnExit(JobId id) {
  Read(id);  // what it left in the pipe; a child in the background may still hold it
  Running& running = *running_.at(id);
  CommandEnd end{.output = std::move(running.text), .status = running.child.Wait().value_or(-1)};
  if (running.timed_out) end.how = CommandEnd::How::kTimedOut;
  const Done done = std::move(running.done);
  Remove(id);
  done(std::move(end));
}

void CommandRunner::Kill(JobId id) {
  const auto it = running_.find(id);
  if (it == running_.end()) return;
  kill(-it->second->child.pid(), SIGKILL);
  (void)it->second->child.Signal(SIGKILL);
  (void)it->second->child.Wait();
  Remove(id);
}

void CommandRunner::Remove(JobId id) {
  Running& running = *running_.at(id);
  loop_->CancelTimer(running.timer);
  loop_->Unwatch(running.child.pidfd());
  if (running.output.valid()) loop_->Unwatch(running.output.get());
  running_.erase(id);
}

void KillTask(const std::string& mark) {
  for (int pass = 0; pass < kKillPassesMax; ++pass) {
    if (!KillRemains({{.mark = mark, .owner = {}}})[0]) return;
  }
}

}  // namespace odw::executors
