// One thing that can happen next. Each part of the simulation lists what it could do; one is chosen
// by weight, so that every interleaving has a chance.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace odw::sim {

struct Action {
  uint32_t weight = 1;
  std::function<void()> run;
};

using Actions = std::vector<Action>;

}  // namespace odw::sim
