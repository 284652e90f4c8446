// A clock that stands still until a test turns it (odwd --clock=manual). Never goes back. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>

#include "daemon/base/clock.h"

namespace odw::loop {

class ManualClock : public Clock {
 public:
  explicit ManualClock(absl::Time start) : unix_nanos_(absl::ToUnixNanos(start)) {}

  absl::Time Now() const override {
    return absl::FromUnixNanos(unix_nanos_.load(std::memory_order_acquire));
  }
  // REQUIRES: called by one thread. An earlier time changes nothing.
  void MoveTo(absl::Time time) {
    if (time > Now()) unix_nanos_.store(absl::ToUnixNanos(time), std::memory_order_release);
  }

 private:
  std::atomic<int64_t> unix_nanos_;
};

}  // namespace odw::loop
