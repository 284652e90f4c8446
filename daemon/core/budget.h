// Whether a run can pay for one more attempt (DESIGN, spent()). Three ceilings: the script's own budget
// (output tokens, or all in the original's dialect), tokens_max (all tokens), cost_micros_max (money of
// every currency, by the rates in the run's header). Each attempt holds a reservation from its start to
// its end: what calls of its model have used of late. Pure. The daemon's own ceilings: day.h.
//
//   it fits                              it starts, with the estimate reserved
//   money is limited, no price is known  the first call of its model runs alone, and tells
//   it does not, others are in flight    it waits until one of them ends
//   nothing is in flight                 tokens: its output is clamped to the remainder
//   ... and too little is left           the script's budget: refused; another ceiling: the run is paused
//   its money has no rate                refused: what cannot be counted is not spent
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/core/state.h"
#include "daemon/model/usage_math.h"

namespace odw::core {

// What an attempt holds of the day (day.h).
struct DayHold {
  double tokens = 0, micros = 0;
};

struct Affordance {
  enum class Kind { kFits, kWaits, kWaitsForDay, kRefused, kPauses };
  Kind kind = Kind::kFits;
  uint64_t reserved_tokens = 0;
  int64_t reserved_micros = 0;
  uint64_t output_tokens_max = 0;  // 0: not clamped
  std::string why;                 // kRefused, kPauses
  int64_t until_unix_ms = 0;       // kPauses: it goes on then; 0: when somebody asks
  DayHold day;
};

// Before any call of a model has ended.
inline constexpr double kFirstTokens = 4000;

// `in_flight`: the attempts that hold slots of the run's cap. `price`: of the model at the executor that
// would take it; null: not known.
Affordance Afford(const Run& run, const Node& node, const std::vector<const Attempt*>& in_flight,
                  const v1::Model* price);

// Which of the run's ceilings (not the script's own budget: that lets calls end, SPEC G4) is passed when
// what its attempts have used so far counts too. Empty: none.
std::string PassedBy(const Run& run, const v1::Usage& in_flight);

bool HasCeiling(const v1::RunSettings& settings);
// In the unit of reservations: all tokens under tokens_max, else what the script's budget counts.
double TokensOf(const v1::RunSubmitted& header, const v1::Usage& usage);
// Under a cost ceiling, in its currency: the micros that `usage` counts there.
double CostOf(const v1::RunSettings& settings, const v1::Usage& usage);
// By how much a run has passed its ceilings.
uint64_t OvershootOf(const Run& run);
int64_t OvershootMicrosOf(const Run& run);
// Under which estimates are kept.
std::string EstimateKey(const v1::AgentRequest& request);
// Least of a runtime's output that is worth asking for.
double LeastOf(const Node& node);
// What an attempt at `executor` is paid by; null: not known.
const v1::Model* PriceAt(const v1::Register& executor, const v1::AgentRequest& request);
// What a first call may cost, in micros of `currency`; nullopt: its price has no rate there.
std::optional<double> FirstMicros(const v1::Model* price, const std::string& currency,
                                  const model::ExchangeRates& rates);
// Why a model that is priced in such money is not called.
std::string NoRateText(const std::string& money, const std::string& ceiling, const std::string& currency);

}  // namespace odw::core
