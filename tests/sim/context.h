// What all parts of one simulated history share: its seed's random numbers, the clock, the trace,
// the histogram. And how a broken invariant is reported: by throwing Violation.
#pragma once

#include <cstdio>
#include <stdexcept>
#include <string>

#include "absl/time/time.h"
#include "tests/sim/coverage.h"
#include "tests/sim/rng.h"

namespace odw::sim {

// An invariant does not hold. The text names it; main adds the seed.
struct Violation : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] inline void Broken(const std::string& what) { throw Violation(what); }

struct Context {
  Context(uint64_t seed, Coverage* coverage_in) : rng(seed), coverage(coverage_in) {}

  Rng rng;
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  absl::Time latest = now;  // that the clock ever showed: it may be set back
  Coverage* coverage;
  bool trace = false;
  uint64_t step = 0;
  bool calm = false;    // no more faults: all that can happen happens
  bool faulty = false;  // in this step faults may happen
  // Of everything that left the core, in order: two runs of a seed must agree.
  uint64_t effects_hash = 0;

  void Note(const std::string& line) const {
    if (!trace) return;
    const double seconds = absl::ToDoubleSeconds(now - absl::FromUnixSeconds(1'700'000'000));
    std::printf("%6llu %10.4f  %s\n", static_cast<unsigned long long>(step), seconds, line.c_str());
  }
  void Passed(const char* point) const { coverage->Passed(point); }
};

}  // namespace odw::sim
