// What a person is told when a verb fails: what happened and why, and what to do next. Travels
// inside an absl::Status, so that every function here returns one kind of error. Thread-safe.
#pragma once

#include <string>

#include "client/exit_codes.h"
#include "daemon/base/status.h"

namespace odw::client {

struct Failure {
  ExitCode exit_code = ExitCode::kRunFailed;
  std::string code;       // a stable word for programs: "not_found"
  std::string message;    // what and why
  std::string next_step;  // what to do; may be empty
};

// A status that carries `failure`.
absl::Status FailureStatus(const Failure& failure);

// The failure inside `status`; for a status without one, what its code stands for. REQUIRES: not
// OK.
Failure FailureOf(const absl::Status& status);

// Shorthand for a flag or file that cannot be used.
absl::Status UsageError(const std::string& message, const std::string& next_step);

// A call about nodes of a run: where a node is not there, or its state forbids it, the next step is to
// look at the run's nodes.
absl::Status NodeFailure(const absl::Status& status, const std::string& run_id);

}  // namespace odw::client
