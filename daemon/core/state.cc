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

void AddUsage(const v1::Usage& more, v1::Usage* total) {
  total->set_input_tokens(total->input_tokens() + more.input_tokens());
  total->set_output_tokens(total->output_tokens() + more.output_tokens());
  total->set_cached_input_tokens(total->cached_input_tokens() + more.cached_input_tokens());
  total->set_reasoning_tokens(total->reasoning_tokens() + more.reasoning_tokens());
  total->set_tool_calls(total->tool_calls() + more.tool_calls());
  total->set_model_calls(total->model_calls() + more.model_calls());
  // Money of different currencies is not added up: the first currency stays, the journal keeps each.
  if (more.cost_micros() == 0) return;
  if (total->currency().empty()) total->set_currency(more.currency());
  if (total->currency() == more.currency()) {
    total->set_cost_micros(total->cost_micros() + more.cost_micros());
  }
}

}  // namespace odw::core
