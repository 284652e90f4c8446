// A run's summary record, from the core's state: what `list` and `status` read.
#pragma once

#include "daemon/core/scheduler.h"
#include "daemon/core/state.h"

namespace odw::core {

v1::RunSummary Summarize(const Run& run, const Scheduler& scheduler);

}  // namespace odw::core
