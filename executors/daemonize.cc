#include "executors/daemonize.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

namespace odw::executors {
namespace {

// The child's report: one byte of exit status, then the message.
[[noreturn]] void WaitForReport(int fd, pid_t child) {
  std::string report;
  char buffer[4096];
  for (;;) {
    const ssize_t got = read(fd, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    report.append(buffer, static_cast<size_t>(got));
  }
  if (report.empty()) {
    fprintf(stderr, "odw-executor: died while it started (process %d): see its log file\n", child);
    _exit(1);
  }
  if (report.size() > 1) fprintf(stderr, "odw-executor: %s\n", report.c_str() + 1);
  fflush(stderr);
  _exit(report[0]);
}

absl::Status RedirectOutput(const std::string& log_file) {
  UniqueFd log(open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!log.valid()) return ErrnoStatus("opening the log " + log_file);
  UniqueFd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!null.valid()) return ErrnoStatus("opening /dev/null");
  if (dup2(null.get(), 0) < 0 || dup2(log.get(), 1) < 0 || dup2(log.get(), 2) < 0) {
    return ErrnoStatus("redirecting the output");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Daemonizer::Begin(const std::string& log_file) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return ErrnoStatus("making a pipe");
  UniqueFd reader(fds[0]), writer(fds[1]);
  const pid_t child = fork();
  if (child < 0) return ErrnoStatus("forking");
  if (child > 0) {
    writer.Reset();
    WaitForReport(reader.get(), child);
  }
  report_ = std::move(writer);
  setsid();
  return RedirectOutput(log_file);
}

void Daemonizer::Ready() {
  if (report_.valid()) (void)WriteAll(report_.get(), "\0", 1);
  report_.Reset();
}

void Daemonizer::Failed(int exit_status, const std::string& message) {
  if (!report_.valid()) return;
  const std::string report = std::string(1, static_cast<char>(exit_status)) + message;
  (void)WriteAll(report_.get(), report.data(), report.size());
  report_.Reset();
}

}  // namespace odw::executors
