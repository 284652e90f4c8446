#include "tests/sim/runner.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "tests/sim/simulation.h"

namespace odw::sim {
namespace {

// One history in so many is run twice: the same inputs must give the same effects.
constexpr uint64_t kRepeatEvery = 4;
constexpr size_t kBallastPieces = 64;

uint64_t current_seed = 0;

uint64_t NumberAfter(int argc, char** argv, int* i) {
  if (*i + 1 >= argc) {
    std::fprintf(stderr, "%s needs a number\n", argv[*i]);
    std::exit(2);
  }
  return std::strtoull(argv[++*i], nullptr, 10);
}

}  // namespace

RunnerOptions ParseFlags(int argc, char** argv, uint64_t seeds_by_default) {
  RunnerOptions options{.seeds = seeds_by_default};
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--seeds") == 0) {
      options.seeds = NumberAfter(argc, argv, &i);
    } else if (std::strcmp(argv[i], "--start") == 0) {
      options.start = NumberAfter(argc, argv, &i);
    } else if (std::strcmp(argv[i], "--seed") == 0) {
      options.start = NumberAfter(argc, argv, &i);
      options.seeds = 1;
    } else if (std::strcmp(argv[i], "--trace") == 0) {
      options.trace = true;
    } else {
      std::fprintf(stderr,
                   "unknown flag %s\nusage: %s [--seeds N] [--start S] [--seed X] [--trace]\n",
                   argv[i], argv[0]);
      std::exit(2);
    }
  }
  return options;
}

uint64_t CurrentSeed() { return current_seed; }

std::optional<std::string> RunSeed(uint64_t seed, bool trace, Coverage* coverage) {
  current_seed = seed;
  try {
    Simulation simulation(seed, coverage, trace);
    simulation.Run();
    coverage->Count("steps", simulation.steps());
    if (seed % kRepeatEvery != 0) return std::nullopt;
    // Elsewhere in memory, so that hash tables, which salt by address, are walked in another order.
    std::vector<std::string> ballast;
    for (size_t i = 0; i < kBallastPieces; ++i) ballast.emplace_back(200 + 97 * i + seed % 1000, 'b');
    Coverage ignored;
    Simulation again(seed, &ignored, /*trace=*/false);
    again.Run();
    if (again.effects_hash() != simulation.effects_hash()) {
      return "the same inputs gave other effects when the history was run again";
    }
  } catch (const Violation& violation) {
    return violation.what();
  }
  return std::nullopt;
}

}  // namespace odw::sim
