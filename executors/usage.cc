#include "executors/usage.h"

#include "daemon/base/list_prices.h"

namespace odw::executors {
namespace {

constexpr double kTokensPerPriceUnit = 1e6;
constexpr double kCacheWriteExtra = 0.25;

}  // namespace

Price ListPrice(const std::string& model) {
  const ListedPrice* const listed = FindListedPrice(model);
  if (listed == nullptr) return {};
  return {.currency = listed->currency,
          .input_micros_per_mtok = listed->input,
          .cached_micros_per_mtok = listed->cached,
          .output_micros_per_mtok = listed->output,
          .context_tokens = listed->context_tokens};
}

std::string ModelOf(const odw::v1::AgentRequest& request, const std::string& otherwise) {
  return request.model().empty() || request.model() == "inherit" ? otherwise : request.model();
}

void AddUsage(const odw::v1::Usage& turn, odw::v1::Usage* total) {
  total->set_input_tokens(total->input_tokens() + turn.input_tokens());
  total->set_cached_input_tokens(total->cached_input_tokens() + turn.cached_input_tokens());
  total->set_output_tokens(total->output_tokens() + turn.output_tokens());
  total->set_reasoning_tokens(total->reasoning_tokens() + turn.reasoning_tokens());
  total->set_tool_calls(total->tool_calls() + turn.tool_calls());
  total->set_model_calls(total->model_calls() + turn.model_calls());
  total->set_cost_micros(total->cost_micros() + turn.cost_micros());
  if (!turn.currency().empty()) total->set_currency(turn.currency());
}

void AddCost(const Price& price, uint64_t written_tokens, odw::v1::Usage* usage) {
  if (price.currency.empty()) return;
  const double micros = (static_cast<double>(usage->input_tokens()) +
                         kCacheWriteExtra * static_cast<double>(written_tokens)) *
                            static_cast<double>(price.input_micros_per_mtok) +
                        static_cast<double>(usage->cached_input_tokens()) *
                            static_cast<double>(price.cached_micros_per_mtok) +
                        static_cast<double>(usage->output_tokens()) *
                            static_cast<double>(price.output_micros_per_mtok);
  usage->set_currency(price.currency);
  usage->set_cost_micros(usage->cost_micros() +
                         static_cast<int64_t>(micros / kTokensPerPriceUnit + 0.5));
}

}  // namespace odw::executors
