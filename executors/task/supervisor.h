// A task's supervisor: a process of its own that outlives the executor. Runs one task at a time, each in
// its own process group, and leaves nothing of it behind; writes the result into the task's file before it
// says so. Between tasks it waits for the next one (forking anew for each would cost more than most
// commands); it ends when the executor is gone and nothing runs.
#pragma once

#include "daemon/base/fd.h"

namespace odw::executors {

// The life of a supervisor, in a process that the zygote has just forked. `control`: its socket to the
// executor; see protocol.h.
[[noreturn]] void SupervisorMain(UniqueFd control);

}  // namespace odw::executors
