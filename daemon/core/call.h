// A script's call as the journal keeps it: with the run's defaults filled in, and the fingerprint
// that replay compares. Pure.
#pragma once

#include <vector>

#include "daemon/core/state.h"

namespace odw::core {

// Of the call as made, before any default: what replay compares.
Fingerprint FingerprintOf(const v1::script::Call& call);

// The record of an AGENT, TIMER or WORKFLOW call. Adds the prompt to `values`.
v1::NodeCalled RecordOf(const v1::script::Call& call, const v1::RunSettings& settings,
                        int64_t now_ms, std::vector<model::Value>* values);

}  // namespace odw::core
