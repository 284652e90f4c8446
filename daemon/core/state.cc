#include "daemon/core/state.h"

namespace odw::core {

Attempt* FindAttempt(Node& node, uint32_t number) {
  for (Attempt& attempt : node.attempts) {
    if (attempt.number == number) return &attempt;
  }
  return nullptr;
}

double SpentBy(v1::Dialect dialect, const v1::Usage& usage) {
  const double output = static_cast<double>(usage.output_tokens());
  if (dialect != v1::ODW) return output;
  return output + static_cast<double>(usage.input_tokens() + usage.cached_input_tokens());
}

}  // namespace odw::core
