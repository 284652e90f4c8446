// One private daemon a state folder: found where it runs, started where it does not. Several odwctl
// may ask at once; a flock decides which of them starts it. Blocking; any thread.
#pragma once

#include <string>

#include "client/connection/endpoint.h"
#include "client/private_daemon/executor_list.h"
#include "client/private_daemon/state_folder.h"
#include "daemon/base/status.h"

namespace odw::client {

// What odwd says of itself in odwd.json.
struct DaemonFile {
  int64_t pid = 0;
  std::string version;
};

// NotFound when there is none or it is damaged.
absl::StatusOr<DaemonFile> ReadDaemonFile(const StateFolder& folder);

// The living daemon's endpoint; takes microseconds. NotFound when none answers; a named failure
// (exit 4) when it is of another version.
absl::StatusOr<Endpoint> FindPrivateDaemon(const StateFolder& folder);

// The same, starting the daemon first where none runs, and with the executors of `wish` running or
// about to. Fails with what stood in the daemon's log when it ended instead of answering.
absl::StatusOr<Endpoint> EnsurePrivateDaemon(const StateFolder& folder, const ExecutorWish& wish);

}  // namespace odw::client
