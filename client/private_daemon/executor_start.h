// Starting an executor beside a private daemon that is already running. REQUIRES: the start lock.
#pragma once

#include <vector>

#include "client/connection/endpoint.h"
#include "client/private_daemon/executor_list.h"
#include "client/private_daemon/state_folder.h"
#include "daemon/base/status.h"

namespace odw::client {

// Starts those of `wanted` that are not among `known`. An executor takes a flock on its own state, so
// one that lives already makes the new process end at once, which does no harm.
absl::Status StartMissingExecutors(const StateFolder& folder, const Endpoint& daemon,
                                   const std::vector<ExecutorSpec>& known,
                                   const std::vector<ExecutorSpec>& wanted);

}  // namespace odw::client
