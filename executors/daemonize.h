// Going to the background in two steps, so that a failure to start is still told to the caller.
// Before any thread.
#pragma once

#include <string>

#include "daemon/base/fd.h"
#include "daemon/base/status.h"

namespace odw::executors {

class Daemonizer {
 public:
  // Forks. The parent stays here until the child has said Ready or Failed, and exits with its status: 0,
  // or that of Failed with the message on stderr. The child has its own session and logs to `log_file`.
  absl::Status Begin(const std::string& log_file);
  // In the child; no effect without Begin.
  void Ready();
  void Failed(int exit_status, const std::string& message);

 private:
  UniqueFd report_;
};

}  // namespace odw::executors
