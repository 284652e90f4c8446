// The daemon's ceilings for a day, told again from its events: what was used on which day (UTC), in
// which money; that nothing starts past a ceiling; that a run which the day has paused goes on when
// it is over and not before. Throws Violation.
#pragma once

#include <map>
#include <string>

#include "daemon/core/engine.h"
#include "tests/sim/context.h"

namespace odw::sim {

// Money by currency, in millionths.
using Purse = std::map<std::string, int64_t>;

// By the rates of a run or of the daemon, which have a line for each currency but the dollar. False: no
// rate for some of it.
bool Exchange(const Purse& purse, const std::string& currency, const model::ExchangeRates& rates,
              double* micros);
void Put(const v1::Usage& usage, Purse* purse);

class DayCheck {
 public:
  DayCheck(Context* context, core::DayCeilings ceilings)
      : context_(context), ceilings_(std::move(ceilings)) {}

  void OnBoot();
  // `run_day`: of the run's charges so far; 0: none.
  void Charge(int64_t unix_ms, const v1::Usage& usage, uint32_t* run_day);
  void OnStarted(const std::string& name);
  void OnPaused(const std::string& name, const v1::RunPaused& paused) const;
  void OnUnpaused(const std::string& name, const v1::RunUnpaused& unpaused, int64_t until_ms) const;
  void After(const core::World& world);

 private:
  struct Used {
    double tokens = 0;
    Purse purse;
  };
  uint32_t Today() const;
  Used UsedToday() const;

  Context* const context_;
  const core::DayCeilings ceilings_;
  std::map<uint32_t, Used> days_;
  bool started_ = false;  // something, in this step
};

}  // namespace odw::sim
