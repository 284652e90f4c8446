#include "tests/sim/coverage.h"

#include <cstdio>
#include <set>

namespace odw::sim {
namespace {

const std::set<std::string>& Transitions() {
  static const std::set<std::string> kTransitions = {};
  return kTransitions;
}

}  // namespace

bool Coverage::Moved(const std::string& transition) {
  ++transitions_[transition];
  return Transitions().empty() || Transitions().contains(transition);
}

int Coverage::Print(uint64_t least) const {
  int low = 0;
  for (const auto& [name, times] : transitions_) {
    std::printf("%10llu  %s\n", static_cast<unsigned long long>(times), name.c_str());
    low += times < least;
  }
  for (const auto& [name, times] : points_) {
    std::printf("%10llu  %s\n", static_cast<unsigned long long>(times), name.c_str());
    low += times < least;
  }
  for (const auto& [name, times] : counters_) {
    std::printf("%10llu  %s\n", static_cast<unsigned long long>(times), name.c_str());
  }
  return low;
}

void Coverage::Add(const Coverage& other) {
  for (const auto& [name, times] : other.transitions_) transitions_[name] += times;
  for (const auto& [name, times] : other.points_) points_[name] += times;
  for (const auto& [name, times] : other.counters_) counters_[name] += times;
}

}  // namespace odw::sim
