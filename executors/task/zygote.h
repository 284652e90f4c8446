// The task zygote: a small single-threaded process that forks supervisors without exec. Forked by main
// before gRPC starts a thread; if it dies, the binary is executed again as one (--task-zygote).
#pragma once

#include <sys/types.h>

#include "daemon/base/fd.h"
#include "daemon/base/status.h"

namespace odw::executors {

struct ZygoteHandle {
  pid_t pid = -1;
  UniqueFd socket;  // ours; end of stream when the zygote is dead. The zygote ends when we close it
};

// REQUIRES: this process has one thread.
absl::StatusOr<ZygoteHandle> ForkZygote();
// From a threaded process: fork and exec of this very binary.
absl::StatusOr<ZygoteHandle> ExecZygote();

// Serves on `socket` until its end of stream. Closes every other descriptor but 0-2.
[[noreturn]] void ServeAsZygote(int socket);

}  // namespace odw::executors
