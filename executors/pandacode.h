// `pandacode RUNTIME exec ...`: one task on a runtime, without a daemon. A name of odw-executor.
#pragma once

namespace odw::executors {

// True when the binary was called by that name.
bool IsPandacode(const char* argv0);

// The whole program: the result on stdout. 0: it came; 1: the task failed; 2: bad usage; 130:
// interrupted.
int PandacodeMain(int argc, char** argv);

}  // namespace odw::executors
