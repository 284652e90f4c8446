// What a run's end means for odwctl's exit code. Thread-safe.
#pragma once

#include <optional>
#include <string>

#include "client/failure.h"
#include "odw/v1/control.pb.h"

namespace odw::client {

// --fail-on: when a completed run is not good enough.
struct FailOn {
  bool degraded = false;
  std::optional<double> percent;  // more than this share of the nodes failed
};

// "degraded" or "N%" (0 to 100). Usage failure otherwise.
absl::StatusOr<FailOn> ParseFailOn(const std::string& text);

struct Acceptance {
  FailOn fail_on;
  bool strict_ok = false;  // a result {"ok": false} is a failure, as in the odw dialect
};

// OK for a completed run that is acceptable. Otherwise a failure with exit code 1, 3, 7 or 8 that
// says why and what to look at. FAILED_PRECONDITION for a run that has not ended.
absl::Status JudgeRun(const v1::Run& run, const std::string& value_json, const Acceptance& accept);

}  // namespace odw::client
