#include "daemon/base/subprocess.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

extern char** environ;

namespace odw {
namespace {

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& s : strings) pointers.push_back(const_cast<char*>(s.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> FullEnvironment(const SubprocessOptions& options) {
  std::vector<std::string> env;
  if (options.inherit_env) {
    for (char** entry = environ; *entry != nullptr; ++entry) env.emplace_back(*entry);
  }
  for (const std::string& entry : options.env) {
    const std::string key = entry.substr(0, entry.find('=') + 1);
    std::erase_if(env, [&](const std::string& old) { return old.compare(0, key.size(), key) == 0; });
    env.push_back(entry);
  }
  return env;
}

// In the child, between fork and exec: async-signal-safe calls only.
[[noreturn]] void ExecChild(const SubprocessOptions& options, char* const* argv, char* const* env,
                            int report_fd, const std::vector<std::pair<int, int>>& moved) {
  auto fail = [&] {
    const int error = errno;
    if (write(report_fd, &error, sizeof error) < 0) _exit(126);
    _exit(127);
  };
  if (options.new_session && setsid() < 0) fail();
  for (int fd = 0; fd <= 2; ++fd) {
    const bool given = std::any_of(moved.begin(), moved.end(), [&](auto& m) { return m.second == fd; });
    if (given) continue;
    const int null = open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
    if (null < 0) fail();
    if (null != fd) {
      if (dup2(null, fd) < 0) fail();
      close(null);
    }
  }
  for (const auto& [from, to] : moved) {
    if (dup2(from, to) < 0) fail();
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);
  if (!options.cwd.empty() && chdir(options.cwd.c_str()) != 0) fail();
  execvpe(argv[0], argv, env);
  fail();
  _exit(127);
}

}  // namespace

absl::Status Subprocess::Signal(int signal) const {
  if (syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0) != 0 && errno != ESRCH) {
    return ErrnoStatus("signalling process " + std::to_string(pid_));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Subprocess::Wait() {
  int status;
  while (waitpid(pid_, &status, 0) < 0) {
    if (errno != EINTR) return ErrnoStatus("waiting for process " + std::to_string(pid_));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

absl::StatusOr<Subprocess> StartSubprocess(const SubprocessOptions& options) {
  const std::vector<std::string> env = FullEnvironment(options);
  const auto argv_pointers = Pointers(options.argv);
  const auto env_pointers = Pointers(env);
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return ErrnoStatus("making a pipe");
  UniqueFd report_read(report[0]), report_write(report[1]);

  // Sources are first moved above every target number, so that no dup2 overwrites a later source.
  int above = 3;
  for (const auto& [from, to] : options.fds) above = std::max(above, to + 1);
  std::vector<UniqueFd> keep;
  std::vector<std::pair<int, int>> moved;
  for (const auto& [from, to] : options.fds) {
    keep.emplace_back(fcntl(from, F_DUPFD_CLOEXEC, above));
    if (!keep.back().valid()) return ErrnoStatus("duplicating a descriptor");
    moved.emplace_back(keep.back().get(), to);
  }
  UniqueFd safe_report(fcntl(report_write.get(), F_DUPFD_CLOEXEC, above));
  report_write.Reset();

  const pid_t pid = fork();
  if (pid < 0) return ErrnoStatus("forking");
  if (pid == 0) ExecChild(options, argv_pointers.data(), env_pointers.data(), safe_report.get(), moved);
  safe_report.Reset();
  UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  int error = 0;
  ssize_t got;
  do {
    got = read(report_read.get(), &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    waitpid(pid, nullptr, 0);
    errno = error;
    return ErrnoStatus("starting " + options.argv[0]);
  }
  if (!pidfd.valid()) return ErrnoStatus("opening a pidfd");
  return Subprocess(pid, std::move(pidfd));
}

std::string OwnBinaryFolder() {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
  if (size <= 0) return ".";
  const std::string whole(path, static_cast<size_t>(size));
  return whole.substr(0, whole.rfind('/'));
}

}  // namespace odw
