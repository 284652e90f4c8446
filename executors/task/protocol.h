// The one-byte messages between executor, task zygote and supervisor. See README.md, "Tasks".
#pragma once

namespace odw::executors {

inline constexpr char kForkSupervisor = 'f';  // to the zygote, with the supervisor's end of a socket
inline constexpr char kRunTask = 't';         // to a supervisor, with the task's file
inline constexpr char kCancelTask = 'c';      // to a supervisor
inline constexpr char kTaskDone = 'd';        // from a supervisor: the result is in the file; it is free
inline constexpr char kTaskDoneLeaving = 'l'; // the same, and it ends (its memory has grown)

}  // namespace odw::executors
