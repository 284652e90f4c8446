// One task on one runtime in this process, without a daemon: what `pandacode RUNTIME exec` and the
// probe of `odw-executor --doctor` are made of. Blocks. REQUIRES: no other thread runs.
#pragma once

#include <string>

#include "daemon/base/status.h"
#include "executors/config.h"
#include "odw/v1/executor.pb.h"

namespace odw::executors {

struct OneTask {
  std::string runtime;  // one of RuntimeNames()
  Config config;
  odw::v1::AgentRequest request;
  std::string session;  // go on with this one; empty: begin one
};

struct OneTaskEnd {
  odw::v1::Result result;    // a lost task's as HOST_LOST; no key of this process is in it
  bool interrupted = false;  // by SIGINT or SIGTERM, which are blocked from then on
};

// Its folder is pandacode/RUNTIME under DefaultStateRoot(). Fails when the runtime cannot be made.
absl::StatusOr<OneTaskEnd> RunOneTask(OneTask wanted);

}  // namespace odw::executors
