// The reuse key of an agent call: what must be equal for an earlier run's result to answer it (DESIGN,
// "Reuse key"). Never its label or phase. Two parts, one after the other:
//   request key  32 bytes  SHA-256 of the resolved request
//   place key    16 bytes  its structural scope, and which of the equal requests made there it is
// Pure.
#pragma once

#include <string>

#include "odw/v1/journal.pb.h"

namespace odw::core {

// Of a resolved request. `prompt` as the journal keeps it; `agent_sha256`: of the file that its
// agentType names; empty: none.
std::string RequestKey(const v1::RunSubmitted& header, const v1::AgentRequest& request,
                       const v1::Blob& prompt, const std::string& agent_sha256,
                       const std::string& child_path);
// Of a call with an id of its own (SPEC O25): the id and the call as made.
std::string RequestKeyOfId(const std::string& node_id, const std::string& fingerprint);
// True when equal calls of a run are made once (SPEC O24): those with an id, in the original's dialect.
bool Memoised(v1::Dialect dialect, const v1::AgentRequest& request);

// Under which occurrences are counted.
std::string OccurrenceKey(const std::string& request_key, const std::string& scope);
// `occurrence` from 1.
std::string ReuseKey(const std::string& request_key, const std::string& scope, uint32_t occurrence);

// The first part.
std::string RequestKeyOf(const std::string& reuse_key);

}  // namespace odw::core
