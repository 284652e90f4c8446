#include "executors/usage.h"

#include <string_view>

namespace odw::executors {
namespace {

constexpr double kTokensPerPriceUnit = 1e6;
constexpr double kCacheWriteExtra = 0.25;

struct Listed {
  std::string_view start;
  int64_t input, cached, output;  // micros of a dollar for a million tokens
  uint64_t context_tokens;
};

// As published; `[models.NAME]` in the config overrides them.
constexpr Listed kListed[] = {
    {"claude-opus-5", 4'000'000, 400'000, 20'000'000, 1'000'000},
    {"claude-opus", 5'000'000, 500'000, 25'000'000, 200'000},
    {"claude-sonnet", 3'000'000, 300'000, 15'000'000, 200'000},
    {"claude-haiku", 1'000'000, 100'000, 5'000'000, 200'000},
    {"gpt-5", 1'250'000, 125'000, 10'000'000, 400'000},
};

}  // namespace

Price ListPrice(const std::string& model) {
  const Listed* best = nullptr;
  for (const Listed& listed : kListed) {
    if (model.compare(0, listed.start.size(), listed.start) != 0) continue;
    if (best == nullptr || listed.start.size() > best->start.size()) best = &listed;
  }
  if (best == nullptr) return {};
  return {.currency = "USD",
          .input_micros_per_mtok = best->input,
          .cached_micros_per_mtok = best->cached,
          .output_micros_per_mtok = best->output,
          .context_tokens = best->context_tokens};
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
