// Is what the core holds in memory exactly what its events say? Compares two runs in all that is
// folded.
#pragma once

#include <string>

#include "daemon/core/state.h"

namespace odw::sim {

// Empty when they agree; else the first field that differs. A backoff that is over by `now_ms`
// counts as queued: the core takes that step without an event, for its due time was one.
std::string FirstDifference(const core::Run& live, const core::Run& fold, int64_t now_ms);

}  // namespace odw::sim
