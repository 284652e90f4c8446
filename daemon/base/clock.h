// Time, as an interface, so that tests turn it by hand. Thread-safe.
#pragma once

#include <cstdint>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace odw {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
  static const Clock& Real();
};

int64_t UnixMillis(absl::Time time);

}  // namespace odw
