// What the core is told once, at start. What a script can observe is copied into each run's header at
// submit and read from there ever after.
#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "daemon/core/day.h"

namespace odw::core {

struct Settings {
  uint32_t script_hosts_max = 16;      // hosts that serve runs at the same time
  uint32_t open_runs_max = 10000;
  absl::Duration lease_grace = absl::Seconds(10);
  // While runs wait for a host, one whose script has only waited this long may be parked.
  absl::Duration park_idle = absl::Milliseconds(250);
  // After the end of a run: how long its cancelled attempts are waited for.
  absl::Duration leftover_grace = absl::Seconds(60);
  absl::Duration provider_wait_max = absl::Hours(24);
  // A host that dies this often in a row without any progress of its run fails the run.
  uint32_t host_deaths_max = 3;
  // Calls of any kind in a run; one more fails it (SPEC P32).
  uint64_t calls_max = 250'000;
  DayCeilings day;
};

}  // namespace odw::core
