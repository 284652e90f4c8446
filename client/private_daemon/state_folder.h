// Where a user's private daemon lives: one folder, readable by its owner alone. Thread-safe.
#pragma once

#include <string>

#include "daemon/base/status.h"

namespace odw::client {

struct StateFolder {
  std::string root;

  std::string DataDir() const { return root + "/daemon"; }
  std::string DaemonFile() const {
    return root + "/daemon/odwd.json";
  }  // odwd writes it when ready
  std::string Socket() const { return root + "/daemon/odwd.sock"; }
  std::string StartLock() const { return root + "/start.lock"; }
  std::string DaemonConfig() const { return root + "/daemon.toml"; }  // generated
  std::string DaemonLog() const { return root + "/odwd.log"; }
  std::string ExecutorList() const { return root + "/executors.json"; }
  std::string CommandConfig() const { return root + "/executor.toml"; }  // the user's, optional
  // Where odwd keeps the state of the executors that it starts.
  std::string ExecutorState(const std::string& name) const {
    return root + "/daemon/executors/" + name;
  }
};

// --state, else $ODW_STATE, else $XDG_STATE_HOME/odw, else ~/.local/state/odw. Made absolute;
// nothing is created. Usage failure when there is no home either.
absl::StatusOr<StateFolder> FindStateFolder(const std::string& flag);

}  // namespace odw::client
