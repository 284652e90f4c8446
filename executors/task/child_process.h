// One command under a supervisor: spawned into its own process group, its output gathered within bounds,
// ended with everything it started. For a single-threaded process that is a child subreaper and has
// SIGCHLD blocked.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/base/status.h"
#include "executors/task/task.pb.h"

namespace odw::executors {

// Where a command finds TaskSpec.secret_env.
inline constexpr int kSecretFd = 3;

class ChildProcess {
 public:
  // `null_fd`: /dev/null, for its stdin. NotFound and PermissionDenied when the program cannot be run.
  static absl::StatusOr<ChildProcess> Spawn(const TaskSpec& spec, int null_fd);

  // -1 once at end of stream.
  int stdout_fd() const { return stdout_.get(); }
  int stderr_fd() const { return stderr_.get(); }
  // Reads what is there now. Stdout past its bound is dropped, and so is stderr but for its tail.
  void ReadStdout();
  void ReadStderr();
  // REQUIRES: alone(). All that is still in the pipes.
  void ReadRest() {
    ReadStdout();
    ReadStderr();
  }

  // Reaps whoever has ended, the command or its orphans.
  void Reap();
  bool exited() const { return exited_; }
  int wait_status() const { return wait_status_; }
  // Nothing that the command started is left (as of the last Reap).
  bool alone() const { return alone_; }

  // To the process group.
  void Signal(int signal) const;
  // SIGKILL to the group and to every process that has become our child.
  void KillAll() const;

  // Bytes that came on stdout, dropped ones included.
  uint64_t output_bytes() const { return output_bytes_; }
  bool output_too_large() const { return output_bytes_ > output_bytes_max_; }
  std::string TakeOutput() { return std::move(output_); }
  const std::string& errors() const { return errors_; }

 private:
  // Calls `take` with each piece that is there now.
  template <typename Take>
  static void Read(UniqueFd* from, Take take);
  pid_t pid_ = -1;
  UniqueFd stdout_, stderr_;
  UniqueFd output_file_;  // invalid: output_ keeps it
  uint64_t output_bytes_max_ = 0;
  uint64_t output_bytes_ = 0;
  std::string output_, errors_;
  bool exited_ = false;
  bool alone_ = false;
  int wait_status_ = 0;
};

// The whole environment of a task: an allowlist of this process's, what the spec adds, and ODW_TASK.
std::vector<std::string> TaskEnvironment(const TaskSpec& spec);

}  // namespace odw::executors
