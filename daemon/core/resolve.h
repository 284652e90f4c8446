// An agent call's request with everything filled in that its run decides: its agent type's definition
// (SPEC D9, D10), the model (D7, B13), the runtime, and the run's own limits. Pure.
#pragma once

#include <string>

#include "odw/v1/journal.pb.h"

namespace odw::core {

struct Resolution {
  std::string refused;       // not empty: why it cannot be asked for
  std::string unknown_type;  // not empty: what to say, once for each type, of an unknown agentType
  std::string agent_sha256;  // of the definition's file; empty: none
};

// `request` as the script made it, with its prompt. Afterwards it says what was asked for, and of
// whom: that is journaled, also where the run forces another runtime.
Resolution ResolveRequest(const v1::RunSubmitted& header, v1::AgentRequest* request);

// A resolved request as it is assigned and reused: to the runtime that the run forces, if it forces
// one. Done twice it changes nothing more.
void ForceRuntime(const v1::RunSubmitted& header, v1::AgentRequest* request);

}  // namespace odw::core
