// Who this executor is, across its restarts: kept in its state folder.
#pragma once

#include <cstdint>
#include <string>

#include "daemon/base/fd.h"
#include "daemon/base/status.h"

namespace odw::executors {

struct Identity {
  std::string executor_id;
  // Counts the processes of this executor. session_epoch = incarnation << 32 | attach, so each attach has
  // a greater one than any before, with one write a process.
  uint32_t incarnation = 0;
};

// Takes the state folder for this process: the flock on `folder`/lock is held while the descriptor is
// open. FailedPrecondition when another executor has it.
absl::StatusOr<UniqueFd> LockStateFolder(const std::string& folder);

// Reads `folder`/identity and counts this process in. A missing or unreadable file makes a new executor.
// REQUIRES: the folder's lock.
absl::StatusOr<Identity> NextIncarnation(const std::string& folder);

}  // namespace odw::executors
