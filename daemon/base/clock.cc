#include "daemon/base/clock.h"

namespace odw {
namespace {

class RealClock : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
};

}  // namespace

const Clock& Clock::Real() {
  static const RealClock clock;
  return clock;
}

int64_t UnixMillis(absl::Time time) { return absl::ToUnixMillis(time); }

}  // namespace odw
