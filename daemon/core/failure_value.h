// What a script sees of a node that failed, by dialect (SPEC D3, D4, D14, D15, O1, O2). Pure.
#pragma once

#include "daemon/model/value.h"
#include "odw/v1/journal.pb.h"

namespace odw::core {

struct Failure {
  v1::Settled settled;  // all but seq, node, value and budget_spent
  model::Value value;   // RESOLVE_JSON
};

// `tries`: attempts of the node that counted.
Failure FailureOf(v1::Dialect dialect, const v1::Error& error, const v1::AgentRequest& request,
                  uint32_t tries);

// Without progress for so long, an attempt of it is stalled.
uint32_t StallMs(const v1::AgentRequest& request);

}  // namespace odw::core
