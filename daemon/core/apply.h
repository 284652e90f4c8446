// The fold: the only place where an event changes a run. Used live and at start-up alike, so nothing
// is decided here.
#pragma once

#include "daemon/core/state.h"

namespace odw::core {

// REQUIRES: events come in the order of their sequence. A record that does not fit (an unknown node, a
// second settlement) is DataLoss: the journal is damaged or the core has a bug.
absl::Status Apply(const v1::Event& event, Run* run);

}  // namespace odw::core
