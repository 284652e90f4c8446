// The next model of a call whose own has failed for good: entries "runtime/model" or
// "runtime:provider/model" of AgentRequest.fallback, tried in turn. Pure.
#pragma once

#include "odw/v1/types.pb.h"

namespace odw::core {

// NodeRequeued.not_before_unix_ms of a node that goes on with its next fallback, at once.
inline constexpr int64_t kNextFallback = -1;

// True when the request has a fallback, and another model may do better at what went wrong.
bool FallsBack(const v1::AgentRequest& request, v1::ErrorCategory category);

// Points the request at its next fallback and takes that off the list. REQUIRES: FallsBack.
void TakeFallback(v1::AgentRequest* request);

// Drops entries that name no model.
void KeepValidFallbacks(v1::AgentRequest* request);

}  // namespace odw::core
