// What all runs have used on the present day (UTC), against the daemon's own ceilings. Each attempt in
// flight holds what calls of its model have used of late. What was used is folded (a run's `day_usage`
// is in its summary) and so known after a restart; what is held, and how much calls use, is learnt
// again. A clock that is set back over midnight begins no day anew. Pure.
//
//   it fits                           it starts
//   it does not, others are in flight it waits until one of them ends, whosever it is
//   nothing is in flight              tokens: its output is clamped to the remainder
//   ... and too little is left        its run is paused until the day ends
#pragma once

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "daemon/core/budget.h"
#include "daemon/model/usage_math.h"

namespace odw::core {

struct DayCeilings {
  uint64_t tokens_max = 0;  // 0: none
  int64_t cost_micros_max = 0;
  std::string cost_currency = "USD";
  model::ExchangeRates exchange;

  bool any() const { return tokens_max > 0 || cost_micros_max > 0; }
};

// Days since 1970, UTC.
uint32_t DayOf(int64_t unix_ms);
// When it ends.
int64_t EndOfDayMs(uint32_t day);

class DayBook {
 public:
  explicit DayBook(DayCeilings ceilings) : ceilings_(std::move(ceilings)) {}

  const DayCeilings& ceilings() const { return ceilings_; }
  v1::Usage UsageOn(uint32_t day) const { return day > day_ ? v1::Usage() : usage_; }

  // Usage of an earlier day than the latest one is passed over.
  void Charge(uint32_t day, const v1::Usage& usage);
  // `key`: EstimateKey.
  void Learn(const std::string& key, const v1::Usage& usage);

  // Changes an affordance that fits its run into what fits the day as well.
  void Afford(int64_t now_ms, const Node& node, const v1::Model* price, Affordance* afford) const;

  // Which ceiling is passed when what attempts have used so far counts too. Empty: none.
  std::string PassedBy(int64_t now_ms, const v1::Usage& in_flight) const;

  void Hold(const std::string& token, const DayHold& hold);
  void Release(const std::string& token);
  size_t holds() const { return holds_.size(); }
  const DayHold& held() const { return held_; }

 private:
  DayHold Need(const std::string& key, const v1::Model* price) const;

  const DayCeilings ceilings_;  // constant
  uint32_t day_ = 0;
  v1::Usage usage_;
  DayHold held_;  // the sum of holds_
  absl::flat_hash_map<std::string, DayHold> holds_;      // by token
  absl::flat_hash_map<std::string, DayHold> estimates_;  // by key; in the ceilings' currency
};

}  // namespace odw::core
