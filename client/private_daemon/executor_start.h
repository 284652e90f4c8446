// The executors beside a private daemon that is running already: whether they live, starting those
// that do not, ending those that were replaced. Starting and ending REQUIRE the start lock.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "client/connection/endpoint.h"
#include "client/private_daemon/executor_list.h"
#include "client/private_daemon/state_folder.h"
#include "daemon/base/status.h"

namespace odw::client {

// The living executor of that name, or 0. Looks at the process that its lock file names and does
// not touch the lock, which it would take away from an executor that is just starting.
pid_t ExecutorPid(const StateFolder& folder, const std::string& name);

// Starts those of `wanted` that do not live. One that takes its state folder meanwhile is welcome.
absl::Status StartMissingExecutors(const StateFolder& folder, const Endpoint& daemon,
                                   const std::vector<ExecutorSpec>& wanted);

// Asks the executors of these names to finish what they have and end.
void DrainExecutors(const StateFolder& folder, const std::vector<std::string>& names);

}  // namespace odw::client
