// Starting a child process: descriptors, environment and group chosen, everything else closed.
// Thread-safe. A Subprocess has one owner; destroying it neither kills nor waits.
#pragma once

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/base/status.h"

namespace odw {

struct SubprocessOptions {
  std::vector<std::string> argv;              // argv[0] is looked up on PATH when it has no slash
  std::vector<std::string> env;               // "K=V"; the whole environment
  bool inherit_env = true;                    // adds this process's environment before `env`
  std::string cwd;                            // empty: this process's
  std::vector<std::pair<int, int>> fds;       // (ours, number in the child); 0-2 default to /dev/null
  bool new_session = false;                   // setsid: own session and process group
};

class Subprocess {
 public:
  Subprocess() = default;
  Subprocess(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  pid_t pid() const { return pid_; }
  // Readable when the child has ended.
  int pidfd() const { return pidfd_.get(); }
  // To exactly this process, never to one that took its number.
  absl::Status Signal(int signal) const;
  // Blocks until the child ends. The exit status, or minus the signal's number.
  absl::StatusOr<int> Wait();

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

// NotFound when the program does not exist; the child's own failures to start are reported too.
absl::StatusOr<Subprocess> StartSubprocess(const SubprocessOptions& options);

// The folder of the running binary: where its siblings are found.
std::string OwnBinaryFolder();

}  // namespace odw
