// What a runtime will answer to a prompt: written into the prompt itself, so that an executor, the
// prediction of an undisturbed run and a reader of the trace agree without sharing state. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "odw/v1/executor.pb.h"
#include "tests/sim/rng.h"

namespace odw::sim {

struct Plan {
  // Unspecified: succeeds at once. Otherwise fails with this for the first `failing` attempts.
  v1::ErrorCategory category = v1::ERROR_CATEGORY_UNSPECIFIED;
  uint32_t failing = 0;
  uint32_t retry_after_ms = 0;
  uint32_t pad_bytes = 0;  // makes answers too big to travel inline
  bool json = false;
};

inline constexpr uint32_t kFailsAlways = UINT32_MAX;

Plan RandomPlan(Rng* rng);
// Mostly what says something of the provider: full, broken, or its key refused.
Plan ProviderPlan(Rng* rng);
// `id`: the place in the program; `input`: what the script knew when it called.
std::string PromptOf(uint64_t id, uint64_t input, const Plan& plan);
Plan PlanOf(const std::string& prompt);
// The answer of one attempt. Does not depend on who runs it or when.
v1::Result AnswerTo(const std::string& prompt, uint32_t attempt);
// True when a node with this plan ends in success, however many attempts are lost on the way.
bool SucceedsAtLast(const Plan& plan);

uint64_t HashOf(const std::string& text, uint64_t seed = 0);
std::string HexOf(uint64_t value);

}  // namespace odw::sim
