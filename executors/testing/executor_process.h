// The real odw-executor binary under a test's hand: its own state folder, started, killed, started again.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/subprocess.h"

namespace odw::executors {

class ExecutorProcess {
 public:
  // A fresh temporary folder holds the state, the daemon's socket and what the test writes.
  ExecutorProcess();
  ~ExecutorProcess();  // kills it, and the folder goes

  const std::string& folder() const { return folder_; }
  std::string socket_path() const { return folder_ + "/d.sock"; }
  std::string state_folder() const { return folder_ + "/state"; }
  void WriteConfig(const std::string& toml);

  // Starts `odw-executor --runtime RUNTIME ... FLAGS`, with `env` ("K=V") added.
  void Start(const std::string& runtime, const std::vector<std::string>& flags = {},
             const std::vector<std::string>& env = {});
  pid_t pid() const { return child_->pid(); }
  void Signal(int signal);
  // Exit status, or minus the signal's number; fails the test after 30 s.
  int WaitExit();
  void Kill();  // SIGKILL, and waits
  // Every process that carries the mark of this executor's task, and is not a zombie.
  std::vector<pid_t> ProcessesOfTask(const std::string& token) const;

 private:
  std::string folder_;
  std::optional<Subprocess> child_;
};

// Polls until `condition` holds; false after 30 s. For effects that no descriptor tells of.
bool Eventually(const std::function<bool()>& condition);
int CountLines(const std::string& path);

}  // namespace odw::executors
