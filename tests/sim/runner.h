// What the two programs of this folder share: one history a seed, and what is said of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/sim/coverage.h"

namespace odw::sim {

struct RunnerOptions {
  uint64_t start = 1;
  uint64_t seeds = 0;
  bool trace = false;
};

// Reads --seeds N, --start S, --seed X and --trace. An unknown flag ends the process with status 2.
RunnerOptions ParseFlags(int argc, char** argv, uint64_t seeds_by_default);

// Runs one history; nullopt when every invariant held, else which did not.
std::optional<std::string> RunSeed(uint64_t seed, bool trace, Coverage* coverage);

// The seed at work: for whoever must name it when the process is about to abort.
uint64_t CurrentSeed();

}  // namespace odw::sim
