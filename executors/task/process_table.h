// What /proc tells of processes: for proving that nothing of a task is left. Thread-safe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "executors/task/task.pb.h"

namespace odw::executors {

// Constant since the machine's start; empty where /proc does not say.
std::string BootId();
// Field 22 of /proc/PID/stat; 0 when there is no such process.
uint64_t StartTicks(pid_t pid);

// The living children of this process, zombies included.
std::vector<pid_t> OwnChildren();

// What all processes of a task carry as ODW_TASK: its token, and which executor's it is, told by a
// folder that the executor shares with no other. Tokens alone may be the same under two daemons.
std::string TaskMark(const std::string& token, const std::string& folder);

// A task whose supervisor is dead.
struct LostTask {
  std::string mark;
  TaskOwner owner;
};

// One pass over the process table. SIGKILLs (by pidfd) every living process that carries
// ODW_TASK=<mark> in its environment or is in the dead supervisor's session. Returns for each task
// whether any was found: false in two passes in a row proves it dead.
std::vector<bool> KillRemains(const std::vector<LostTask>& tasks);

}  // namespace odw::executors
