// The executors of a private daemon: which were asked for in this state folder, so that the next
// daemon starts them too. The list is a small JSON file; whoever changes it holds the start lock.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/private_daemon/state_folder.h"
#include "daemon/base/status.h"

namespace odw::client {

struct ExecutorSpec {
  std::string name;     // also the name of its state folder
  std::string runtime;  // "mock", "command", "bamboo", ...
  uint32_t slots = 0;   // 0: the executor's own default
  std::string config;   // absolute path of its TOML file; empty: none

  bool operator==(const ExecutorSpec&) const = default;
};

// What a verb asks for.
struct ExecutorWish {
  std::vector<std::string> runtimes;  // --runtime and what --backend means
  std::string executor_config;  // --executor-config; empty: the state folder's, where there is one
};

// The executors that `wish` means: one a runtime, and a `command` one when the config declares
// commands. Usage failure when the config cannot be read or is no TOML.
absl::StatusOr<std::vector<ExecutorSpec>> ExecutorsFor(const StateFolder& folder,
                                                       const ExecutorWish& wish);

// An absent list is empty; one that is damaged counts as absent (it is only a convenience).
std::vector<ExecutorSpec> LoadExecutors(const StateFolder& folder);
absl::Status SaveExecutors(const StateFolder& folder, const std::vector<ExecutorSpec>& executors);

// `known` with `wanted` in it: same name replaces, a `command` executor of the same file with other
// content replaces the old one. `replaced` gets the names that are to end.
std::vector<ExecutorSpec> MergeExecutors(std::vector<ExecutorSpec> known,
                                         const std::vector<ExecutorSpec>& wanted,
                                         std::vector<std::string>* replaced);

// odwd's configuration that starts `executors`.
std::string DaemonToml(const std::vector<ExecutorSpec>& executors);

}  // namespace odw::client
