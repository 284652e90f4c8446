// Whether a run can pay for one more attempt (DESIGN, spent()). Three ceilings: the script's own budget
// (output tokens, or all in the original's dialect), tokens_max (all tokens), cost_micros_max. Each
// attempt holds a reservation from its start to its end: what calls of its model have used of late. Pure.
//
//   it fits                              it starts, with the estimate reserved
//   money is limited, no price is known  the first call of its model runs alone, and tells
//   it does not, others are in flight    it waits until one of them ends
//   nothing is in flight                 tokens: its output is clamped to the remainder
//   ... and too little is left           the script's budget: refused; another ceiling: the run is paused
#pragma once

#include <string>
#include <vector>

#include "daemon/core/state.h"

namespace odw::core {

struct Affordance {
  enum class Kind { kFits, kWaits, kRefused, kPauses };
  Kind kind = Kind::kFits;
  uint64_t reserved_tokens = 0;
  int64_t reserved_micros = 0;
  uint64_t output_tokens_max = 0;  // 0: not clamped
  std::string why;                 // kRefused, kPauses
};

// `in_flight`: the attempts that hold slots of the run's cap. `price`: of the model at the executor that
// would take it; null: not known.
Affordance Afford(const Run& run, const Node& node, const std::vector<const Attempt*>& in_flight,
                  const v1::Model* price);

bool HasCeiling(const v1::RunSettings& settings);
// In the unit of reservations: all tokens under tokens_max, else what the script's budget counts.
double TokensOf(const v1::RunSubmitted& header, const v1::Usage& usage);
// By how much its tokens have passed a ceiling.
uint64_t OvershootOf(const Run& run);
// Under which estimates are kept.
std::string EstimateKey(const v1::AgentRequest& request);

}  // namespace odw::core
