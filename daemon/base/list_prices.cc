#include "daemon/base/list_prices.h"

namespace odw {
namespace {

constexpr auto kFamily = ListedPrice::Of::kFamily;

// List prices of June 2026. After the families, the short names that the claude CLI takes for their
// newest models.
constexpr ListedPrice kListed[] = {
    {"deepseek", "deepseek-v4-pro", "USD", 435'000, 3'625, 870'000, 1'000'000},
    {"kimi", "kimi-k2.6", "USD", 950'000, 160'000, 4'000'000, 256'000},
    {"qwen", "qwen3.7-max", "CNY", 12'000'000, 2'400'000, 36'000'000, 1'000'000},
    {"zhipu", "glm-5.1", "CNY", 6'000'000, 1'300'000, 24'000'000, 200'000},
    {"minimax", "MiniMax-M3", "CNY", 2'100'000, 420'000, 8'400'000, 1'000'000},
    {"stepfun", "step-3.7-flash", "USD", 200'000, 40'000, 1'150'000, 256'000},
    {"xiaomi", "mimo-v2.5-pro", "CNY", 7'000'000, 1'400'000, 21'000'000, 1'000'000},
    {"", "claude-opus-5", "USD", 4'000'000, 400'000, 20'000'000, 1'000'000, kFamily},
    {"", "claude-opus", "USD", 5'000'000, 500'000, 25'000'000, 200'000, kFamily},
    {"", "claude-sonnet", "USD", 3'000'000, 300'000, 15'000'000, 200'000, kFamily},
    {"", "claude-haiku", "USD", 1'000'000, 100'000, 5'000'000, 200'000, kFamily},
    {"", "gpt-5", "USD", 1'250'000, 125'000, 10'000'000, 400'000, kFamily},
    {"", "opus", "USD", 4'000'000, 400'000, 20'000'000, 1'000'000},
    {"", "sonnet", "USD", 3'000'000, 300'000, 15'000'000, 200'000},
    {"", "haiku", "USD", 1'000'000, 100'000, 5'000'000, 200'000},
};

}  // namespace

const ListedPrice* FindListedPrice(std::string_view model) {
  const ListedPrice* best = nullptr;
  for (const ListedPrice& listed : kListed) {
    const std::string_view name = listed.model;
    if (model == name) return &listed;
    if (listed.of != kFamily || model.substr(0, name.size()) != name) continue;
    if (best == nullptr || name.size() > std::string_view(best->model).size()) best = &listed;
  }
  return best;
}

const ListedPrice* UsualModelOf(std::string_view provider) {
  for (const ListedPrice& listed : kListed) {
    if (!provider.empty() && listed.provider == provider) return &listed;
  }
  return nullptr;
}

}  // namespace odw
