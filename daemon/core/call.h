// A script's call as the journal keeps it: with everything filled in that its run decides, its reuse
// key, and the fingerprint that replay compares. Pure.
#pragma once

#include <string>
#include <vector>

#include "daemon/core/state.h"

namespace odw::core {

// Of the call as made, before any default: what replay compares.
Fingerprint FingerprintOf(const v1::script::Call& call);

struct CallRecord {
  v1::NodeCalled called;              // `refused` set: its settlement follows
  std::vector<model::Value> values;   // of its prompt
  std::string warning;                // not empty: a line to be said before it
};

// The record of the next call of `run`: AGENT, TIMER or WORKFLOW.
CallRecord RecordOf(const v1::script::Call& call, const Run& run, int64_t now_ms);

}  // namespace odw::core
