// What a script sees of a node that failed, by dialect (SPEC D3, D4, O1, O2). Pure.
#pragma once

#include "odw/v1/journal.pb.h"

namespace odw::core {

// All but seq, node and budget_spent.
v1::Settled FailureSettlement(v1::Dialect dialect, const v1::Error& error, bool has_schema);

}  // namespace odw::core
