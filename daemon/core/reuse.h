// Whether an earlier result answers a call: one of the run that this run resumes (SPEC K), or one of
// its own with the same id (SPEC O24). Pure but for an index that it builds in the run's live part.
#pragma once

#include <optional>

#include "daemon/core/state.h"

namespace odw::core {

struct Reused {
  v1::Settled settled;  // END_CACHED; without seq, node and budget
  model::Value value;
};

// REQUIRES: the node's call was just recorded: it is the run's last agent call.
std::optional<Reused> FindReused(Run* run, NodeId id);

}  // namespace odw::core
