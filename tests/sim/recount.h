// A run's summary, counted again the slow way: straight from its events, sharing no code with the
// core.
#pragma once

#include <vector>

#include "odw/v1/journal.pb.h"

namespace odw::sim {

// Throws Violation where `summary` says something else than `events`. REQUIRES: between two steps
// of the core, where no node is half way.
void CheckAgainstRecount(const v1::RunSummary& summary, const std::vector<v1::Event>& events);

}  // namespace odw::sim
