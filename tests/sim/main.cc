#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/sim/simulation.h"

int main(int argc, char** argv) {
  using namespace odw::sim;
  uint64_t seeds = 100, start = 1;
  bool trace = false;
  for (int i = 1; i < argc; ++i) {
    if (!strcmp(argv[i], "--seeds")) seeds = strtoull(argv[++i], nullptr, 10);
    if (!strcmp(argv[i], "--start")) start = strtoull(argv[++i], nullptr, 10);
    if (!strcmp(argv[i], "--seed")) { start = strtoull(argv[++i], nullptr, 10); seeds = 1; }
    if (!strcmp(argv[i], "--trace")) trace = true;
  }
  Coverage coverage;
  int failed = 0;
  for (uint64_t seed = start; seed < start + seeds; ++seed) {
    try {
      Simulation simulation(seed, &coverage, trace);
      simulation.Run();
    } catch (const Violation& violation) {
      std::printf("seed %llu: %s\n", (unsigned long long)seed, violation.what());
      ++failed;
    }
  }
  coverage.Print(100);
  std::printf("%llu passed, %d failed\n", (unsigned long long)(seeds - failed), failed);
  return failed > 0;
}
