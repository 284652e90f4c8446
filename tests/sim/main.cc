// sim_test: thousands of histories of the product's core, one a seed. Ends with the histogram of
// what was passed and a line `N passed, N failed`; a failure names its seed and the command that
// shows its trace.
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "tests/sim/runner.h"

namespace {

constexpr uint64_t kSeedsByDefault = 8000;
constexpr uint64_t kPassagesLeast = 100;
// Fewer histories than this do not reach everything, and are not asked to.
constexpr uint64_t kSeedsForCoverage = 8000;
constexpr int kFailuresShownMax = 20;

void OnAbort(int) {
  char text[96];
  const int size = std::snprintf(text, sizeof text, "seed %llu: the core aborted\n",
                                 static_cast<unsigned long long>(odw::sim::CurrentSeed()));
  if (write(STDERR_FILENO, text, static_cast<size_t>(size)) < 0) _exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace odw::sim;
  const RunnerOptions options = ParseFlags(argc, argv, kSeedsByDefault);
  std::signal(SIGABRT, OnAbort);
  Coverage coverage;
  unsigned long long passed = 0, failed = 0;
  for (uint64_t seed = options.start; seed < options.start + options.seeds; ++seed) {
    const auto broken = RunSeed(seed, options.trace, &coverage);
    if (!broken) {
      ++passed;
      continue;
    }
    if (++failed <= kFailuresShownMax) {
      std::printf("seed %llu: %s\n  see: %s --seed %llu --trace\n",
                  static_cast<unsigned long long>(seed), broken->c_str(), argv[0],
                  static_cast<unsigned long long>(seed));
    }
  }
  if (options.seeds > 1) {
    const int low = coverage.Print(kPassagesLeast);
    if (low > 0 && options.seeds >= kSeedsForCoverage) {
      std::printf("%d entries were passed fewer than %llu times\n", low,
                  static_cast<unsigned long long>(kPassagesLeast));
      ++failed;
    }
  }
  std::printf("%llu passed, %llu failed\n", passed, failed);
  return failed > 0 ? 1 : 0;
}
