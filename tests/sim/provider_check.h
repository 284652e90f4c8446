// The rules of lanes and of circuit breakers, told again from outside: from the answers that executors
// send and the attempts that start. Never more of a lane under way than it takes at a time; nothing to
// a circuit that is open, and then one attempt alone. Throws Violation.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "daemon/core/engine.h"
#include "tests/sim/context.h"

namespace odw::sim {

class ProviderCheck {
 public:
  explicit ProviderCheck(Context* context) : context_(context) {}

  // What has been learnt of providers is learnt again.
  void OnBoot();
  void OnResult(const v1::Result& result);
  void OnStarted(const v1::AttemptStarted& started, const v1::Register& executor);
  // After each input of the core.
  void After(const core::World& world);

 private:
  struct Lane {
    uint32_t limit = 0, peak = 0, successes = 0;  // limit 0: none
    uint64_t limited_at = 0;
  };
  struct Circuit {
    uint32_t failures = 0;
    bool open = false;
    absl::Duration hold = absl::ZeroDuration();
    absl::Time until = absl::InfinitePast();
    std::string probe;
    uint64_t opened_at = 0;
  };
  struct UnderWay {
    std::string lane, circuit;
    uint64_t serial = 0;
    bool seen_start = false;  // by this daemon: breakers know of no others
  };

  void OnLane(const UnderWay& attempt, const v1::Result& result);
  void OnCircuit(const UnderWay& attempt, const v1::Result& result);
  uint32_t CountOf(const std::string& lane) const;
  void AdoptAtBoot(const core::World& world);

  Context* const context_;
  bool booting_ = false;
  std::map<std::string, Lane> lanes_;
  std::map<std::string, Circuit> circuits_;
  std::map<std::string, UnderWay> under_way_;  // by token
  std::vector<std::pair<std::string, UnderWay>> started_;  // in this step
  uint64_t last_serial_ = 0;
};

}  // namespace odw::sim
