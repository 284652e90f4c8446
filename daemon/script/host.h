// A script host: one process, one run at a time (proto/odw/v1/script.proto). Forked by the zygote.
#pragma once

namespace odw::script {

// Serves `fd`, the socket to the daemon, until its other end closes; then exits the process.
// REQUIRES: V8 initialised, no isolate, one thread.
[[noreturn]] void RunHost(int fd);

}  // namespace odw::script
