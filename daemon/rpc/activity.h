// Counts the calls of clients, for the private daemon's linger. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace odw::rpc {

class Activity {
 public:
  Activity() : last_unix_ns_(absl::GetCurrentTimeNanos()) {}

  void Begin() {
    ++active_;
    last_unix_ns_ = absl::GetCurrentTimeNanos();
  }
  void End() {
    last_unix_ns_ = absl::GetCurrentTimeNanos();
    --active_;
  }
  size_t active() const { return active_; }
  absl::Time last() const { return absl::FromUnixNanos(last_unix_ns_); }

 private:
  std::atomic<size_t> active_{0};
  std::atomic<int64_t> last_unix_ns_;
};

// Begin and End of one call.
class ActivityScope {
 public:
  explicit ActivityScope(Activity* activity) : activity_(activity) { activity_->Begin(); }
  ~ActivityScope() { activity_->End(); }
  ActivityScope(const ActivityScope&) = delete;

 private:
  Activity* const activity_;
};

}  // namespace odw::rpc
