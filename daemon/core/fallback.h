// The next model of a call whose own has failed for good: entries (daemon/model/fallback_entry.h) of
// AgentRequest.fallback, tried in turn. Pure.
#pragma once

#include <optional>
#include <string>

#include "odw/v1/types.pb.h"

namespace odw::core {

// NodeRequeued.not_before_unix_ms of a node that goes on with its next fallback, at once.
inline constexpr int64_t kNextFallback = -1;

// True when the request has a fallback, and another model may do better at what went wrong.
bool FallsBack(const v1::AgentRequest& request, v1::ErrorCategory category);

// Points the request at its next fallback and takes that off the list. REQUIRES: FallsBack.
void TakeFallback(v1::AgentRequest* request);

// "runtime:provider/model", without what is not named.
std::string NameOfModel(const v1::AgentRequest& request);

// In RunSettings.fallback, "claude=>ENTRY" is for calls of that runtime alone: a pool's list. The entry
// of one there that is for calls of `runtime`; nullopt: it is for others.
inline constexpr char kFallbackOf[] = "=>";
std::optional<std::string> FallbackFor(const std::string& runtime, const std::string& entry);

// Drops entries that name no model.
void KeepValidFallbacks(v1::AgentRequest* request);

}  // namespace odw::core
