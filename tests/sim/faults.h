// How often each kind of fault happens in one history: weights beside those of ordinary steps (2 to
// 20), at the one step in kStepsBetweenFaults in which faults may happen at all. Drawn from the
// seed, so that some histories know one kind only and some know them all.
#pragma once

#include <cstdint>

#include "tests/sim/rng.h"

namespace odw::sim {

inline constexpr uint64_t kStepsBetweenFaults = 4;

struct Faults {
  uint32_t daemon_crash = 0;
  uint32_t journal_failure = 0;
  uint32_t host_death = 0;
  uint32_t executor_death = 0;
  uint32_t stream_break = 0;
  uint32_t task_death = 0;
  uint32_t absence = 0;            // an executor does not attach again for a while
  uint32_t host_machine_gone = 0;  // an executor and all it has, for ever
  uint32_t drain = 0;
  uint32_t spool_full = 0;
  uint32_t clock_jump = 0;
  uint32_t stop = 0;
  uint32_t commands = 0;           // pause, unpause, skip, restart

  // Executors that come and go at leisure, past their grace and back.
  static Faults OfAbsence(Rng* rng) {
    return {.stream_break = 1,
            .task_death = 1,
            .clock_jump = 1,
            .commands = rng->OneIn(3) ? 2u : 0u};
  }

  static Faults Random(Rng* rng) {
    Faults faults;
    const uint64_t kind = rng->Below(8);  // 0: none; 1 to 4: one kind; else a mixture
    const bool all = kind >= 5;
    if (all || kind == 1) faults.daemon_crash = static_cast<uint32_t>(rng->Between(1, 4));
    if (all || kind == 2) faults.executor_death = static_cast<uint32_t>(rng->Between(1, 3));
    if (all || kind == 3) faults.stream_break = static_cast<uint32_t>(rng->Between(1, 4));
    if (all || kind == 4) faults.host_death = static_cast<uint32_t>(rng->Between(1, 4));
    if (all || kind == 2) faults.clock_jump = static_cast<uint32_t>(rng->Below(3));
    if (all) {
      faults.journal_failure = static_cast<uint32_t>(rng->Below(2));
      faults.task_death = static_cast<uint32_t>(rng->Below(3));
      faults.host_machine_gone = rng->OneIn(3) ? 1 : 0;
      faults.absence = static_cast<uint32_t>(rng->Below(2));
      faults.drain = static_cast<uint32_t>(rng->Below(2));
      faults.spool_full = static_cast<uint32_t>(rng->Below(2));
    }
    if (rng->OneIn(2)) faults.stop = static_cast<uint32_t>(rng->Between(1, 2));
    if (rng->OneIn(2)) faults.commands = static_cast<uint32_t>(rng->Between(1, 4));
    return faults;
  }
};

}  // namespace odw::sim
