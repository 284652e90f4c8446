// The identifiers that people and processes exchange. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

namespace odw {

// A fresh run id such as "wf_1072dc96-6a2b4f01"; matches ^wf_[a-z0-9-]{6,}$ (SPEC A3).
std::string NewRunId();
bool IsRunId(const std::string& text);

// The token of one attempt: 32 hex digits of SHA-256(run, node, attempt). The same attempt has the
// same token before and after a crash.
std::string AttemptToken(const std::string& run_id, uint64_t node, uint32_t attempt);

// "n7", or "n7.2" with an attempt.
std::string NodeName(uint64_t node);
std::string AttemptName(uint64_t node, uint32_t attempt);

// `bytes` random bytes in hex, from the system.
std::string RandomHex(size_t bytes);

}  // namespace odw
