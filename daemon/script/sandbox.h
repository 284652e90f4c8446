// What a process that evaluates scripts may do: compute, and speak on the descriptors it has.
// Loaded before any user code; never lifted. See README.md for the list and why.
#pragma once

#include "daemon/base/status.h"

namespace odw::script {

// Limits, no_new_privs, and a default-deny system call filter on every thread of the process. A
// call that is not on the list kills the process.
absl::Status EnterSandbox();

// Builds the filter, which EnterSandbox otherwise does: forked children share the work.
absl::Status PrepareSandbox();

}  // namespace odw::script
