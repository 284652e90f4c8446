// Starts the executors that a private daemon brings along. They are daemons of their own: they outlive
// this one, and a later one finds them by their lock and waits for them instead of starting a second.
#pragma once

#include <string>

#include "daemon/base/status.h"
#include "daemon/config/config.h"

namespace odw::loop {

struct ExecutorStarterOptions {
  std::string binary;         // odw-executor
  std::string daemon_address;
  std::string data_dir;       // each executor's state is data_dir/executors/NAME
};

// True when it was started, false when a living one holds the state folder.
absl::StatusOr<bool> StartExecutor(const ExecutorStarterOptions& options,
                                   const config::ExecutorAutostart& executor);

}  // namespace odw::loop
