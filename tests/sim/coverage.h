// How often each transition of the state machine and each kill point was passed, over all
// histories. What must be passed is listed in coverage.cc: a transition that is not listed there is
// a violation.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace odw::sim {

class Coverage {
 public:
  Coverage();

  // A place where a process died, a stream broke or a fault was put in. REQUIRES: listed.
  void Passed(const std::string& point);
  // An event changed a node or a run: "settled: awaited -> settled". False: no such transition is
  // listed.
  bool Moved(const std::string& transition);
  void Count(const std::string& what, uint64_t times = 1) { counters_[what] += times; }

  // Prints the histogram; returns how many required entries were passed fewer than `least` times.
  int Print(uint64_t least) const;

 private:
  std::map<std::string, uint64_t> transitions_, points_, counters_;
};

}  // namespace odw::sim
