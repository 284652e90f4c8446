#include "executors/task/child_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "executors/task/process_table.h"

namespace odw::executors {
namespace {

constexpr const char* kPassedAlways[] = {"PATH", "HOME", "LANG", "LC_ALL", "TZ"};
constexpr size_t kErrorsTailBytes = 8 << 10;
constexpr size_t kReadBytes = 64 << 10;

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  for (const std::string& s : strings) pointers.push_back(const_cast<char*>(s.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// posix_spawn's settings, freed at the end of the scope.
class SpawnSettings {
 public:
  SpawnSettings() {
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    sigset_t set;
    sigemptyset(&set);
    posix_spawnattr_setsigmask(&attributes, &set);
    for (const int signal : {SIGPIPE, SIGINT, SIGCHLD}) sigaddset(&set, signal);
    posix_spawnattr_setsigdefault(&attributes, &set);
  }
  ~SpawnSettings() {
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
  }
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
};

absl::Status MakePipe(UniqueFd* reader, UniqueFd* writer) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus("making a pipe");
  *reader = UniqueFd(fds[0]);
  *writer = UniqueFd(fds[1]);
  // Only our end: a command may expect its own to block.
  return SetNonBlocking(reader->get());
}

// `bytes` as a file to read from, in memory only.
absl::StatusOr<UniqueFd> MakeInput(const std::string& bytes) {
  UniqueFd fd(memfd_create("odw-task-input", MFD_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus("making a task's input");
  ODW_RETURN_IF_ERROR(WriteAll(fd.get(), bytes.data(), bytes.size()));
  if (lseek(fd.get(), 0, SEEK_SET) != 0) return ErrnoStatus("making a task's input");
  return fd;
}

// The value of the variable, and then the end. A pipe: who reads it first has it alone.
absl::StatusOr<UniqueFd> MakeSecret(const std::string& name) {
  const char* const value = getenv(name.c_str());
  const std::string bytes = value != nullptr ? value : "";
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus("making a pipe");
  UniqueFd reader(fds[0]);
  const UniqueFd writer(fds[1]);
  ODW_RETURN_IF_ERROR(SetNonBlocking(writer.get()));  // longer than a pipe is no key
  ODW_RETURN_IF_ERROR(WriteAll(writer.get(), bytes.data(), bytes.size()));
  return reader;
}

}  // namespace

std::vector<std::string> TaskEnvironment(const TaskSpec& spec) {
  std::vector<std::string> env;
  const auto set = [&](const std::string& entry) {
    const std::string key = entry.substr(0, entry.find('=') + 1);
    std::erase_if(env, [&](const std::string& old) { return old.compare(0, key.size(), key) == 0; });
    env.push_back(entry);
  };
  const auto pass = [&](const char* name) {
    if (const char* value = getenv(name)) set(std::string(name) + "=" + value);
  };
  for (const char* name : kPassedAlways) pass(name);
  for (const std::string& name : spec.pass_env()) pass(name.c_str());
  for (const std::string& entry : spec.env()) set(entry);
  set("ODW_TASK=" + (spec.mark().empty() ? spec.token() : spec.mark()));
  return env;
}

absl::StatusOr<ChildProcess> ChildProcess::Spawn(const TaskSpec& spec, int null_fd) {
  std::vector<std::string> argv = {spec.program()};
  argv.insert(argv.end(), spec.args().begin(), spec.args().end());
  const std::vector<std::string> env = TaskEnvironment(spec);

  ChildProcess child;
  child.output_bytes_max_ = spec.output_bytes_max();
  UniqueFd out_writer, err_writer;
  ODW_RETURN_IF_ERROR(MakePipe(&child.stdout_, &out_writer));
  ODW_RETURN_IF_ERROR(MakePipe(&child.stderr_, &err_writer));
  UniqueFd input;
  if (!spec.input().empty()) {
    ODW_ASSIGN_OR_RETURN(input, MakeInput(spec.input()));
  }
  UniqueFd secret;
  if (!spec.secret_env().empty()) {
    ODW_ASSIGN_OR_RETURN(secret, MakeSecret(spec.secret_env()));
  }
  if (!spec.output_file().empty()) {
    child.output_file_ = UniqueFd(
        open(spec.output_file().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
    if (!child.output_file_.valid()) return ErrnoStatus("opening " + spec.output_file());
  }
  SpawnSettings settings;
  posix_spawn_file_actions_adddup2(&settings.actions, input.valid() ? input.get() : null_fd, 0);
  posix_spawn_file_actions_adddup2(&settings.actions, out_writer.get(), 1);
  posix_spawn_file_actions_adddup2(&settings.actions, err_writer.get(), 2);
  if (secret.valid()) {
    // Last, for one of the others may have that number here; each is at its own by now.
    posix_spawn_file_actions_adddup2(&settings.actions, secret.get(), kSecretFd);
  }
  if (!spec.cwd().empty()) {
    posix_spawn_file_actions_addchdir_np(&settings.actions, spec.cwd().c_str());
  }
  const int error = posix_spawn(&child.pid_, spec.program().c_str(), &settings.actions,
                                &settings.attributes, Pointers(argv).data(), Pointers(env).data());
  if (error != 0) {
    errno = error;
    return ErrnoStatus("starting " + spec.program());
  }
  return child;
}

template <typename Take>
void ChildProcess::Read(UniqueFd* from, Take take) {
  static char buffer[kReadBytes];  // one thread, one task at a time
  while (from->valid()) {
    const ssize_t got = read(from->get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return from->Reset();
    take(buffer, static_cast<size_t>(got));
    if (static_cast<size_t>(got) < sizeof buffer) return;  // a poll tells of more, or of the end
  }
}

void ChildProcess::ReadStdout() {
  Read(&stdout_, [this](const char* bytes, size_t size) {
    const size_t room = static_cast<size_t>(output_bytes_max_ - std::min(output_bytes_max_, output_bytes_));
    const size_t kept = std::min(room, size);
    output_bytes_ += size;
    if (!output_file_.valid()) {
      output_.append(bytes, kept);
    } else if (!WriteAll(output_file_.get(), bytes, kept).ok()) {
      output_bytes_ = output_bytes_max_ + 1;  // a full disk: what follows would have a hole before it
    }
  });
}

void ChildProcess::ReadStderr() {
  Read(&stderr_, [this](const char* bytes, size_t size) { errors_.append(bytes, size); });
  if (errors_.size() > 2 * kErrorsTailBytes) errors_.erase(0, errors_.size() - kErrorsTailBytes);
}

void ChildProcess::Reap() {
  for (;;) {
    int status;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    alone_ = pid < 0 && errno == ECHILD;
    if (pid <= 0) return;
    if (pid != pid_) continue;
    exited_ = true;
    wait_status_ = status;
  }
}

void ChildProcess::Signal(int signal) const {
  // Not reaped yet, so the group's number is still its own.
  if (!exited_) kill(-pid_, signal);
}

void ChildProcess::KillAll() const {
  Signal(SIGKILL);
  // Children are ours until we reap them, so these numbers cannot mean anyone else.
  for (const pid_t pid : OwnChildren()) kill(pid, SIGKILL);
}

}  // namespace odw::executors
