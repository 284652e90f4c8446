// What a run ends with when nothing goes wrong around it: no crash, no loss, every attempt
// answered. What a disturbed run must end with too, where its script does not depend on the order
// of completions.
#pragma once

#include <string>

#include "tests/sim/program.h"

namespace odw::sim {

struct Prediction {
  v1::RunState state = v1::COMPLETED;
  std::string result_json;  // COMPLETED
  std::string error_part;   // FAILED: what its message contains
  uint32_t agents = 0;
  uint64_t input_tokens = 0, output_tokens = 0;
};

// REQUIRES: !program.order_dependent && !program.has_unserved_runtime.
Prediction Predict(const Program& program);

}  // namespace odw::sim
