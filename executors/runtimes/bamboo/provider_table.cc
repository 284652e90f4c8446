#include "executors/runtimes/bamboo/provider_table.h"

namespace odw::executors {

// As published on 2026-06-01; the config's own values win. Prices: daemon/base/list_prices.cc.
const std::vector<Provider>& KnownProviders() {
  static const auto* const providers = new std::vector<Provider>{
      {.name = "deepseek",
       .base_url = "https://api.deepseek.com",
       .key_variables = {"DEEPSEEK_API_KEY"},
       .model = "deepseek-v4-pro",
       .thinking = Thinking::kTypeField,
       .takes_effort = true,
       .keeps_reasoning = true},
      {.name = "kimi",
       .base_url = "https://api.moonshot.cn/v1",
       .key_variables = {"KIMI_API_KEY", "MOONSHOT_API_KEY"},
       .model = "kimi-k2.6",
       .thinking = Thinking::kTypeField,
       .long_max_tokens = true,
       .keeps_reasoning = true},
      {.name = "qwen",
       .base_url = "https://dashscope.aliyuncs.com/compatible-mode/v1",
       .key_variables = {"QWEN_API_KEY", "DASHSCOPE_API_KEY", "BAILIAN_API_KEY", "ALIBABA_API_KEY"},
       .model = "qwen3.7-max",
       .thinking = Thinking::kEnableFlag},
      {.name = "zhipu",
       .base_url = "https://open.bigmodel.cn/api/paas/v4",
       .key_variables = {"ZHIPU_API_KEY", "BIGMODEL_API_KEY", "GLM_API_KEY"},
       .model = "glm-5.1",
       .thinking = Thinking::kTypeField},
      {.name = "minimax",
       .base_url = "https://api.minimaxi.com/v1",
       .key_variables = {"MINIMAX_API_KEY", "MINIMAXI_API_KEY"},
       .model = "MiniMax-M3",
       .thinking = Thinking::kSplit,
       .long_max_tokens = true},
      {.name = "stepfun",
       .base_url = "https://api.stepfun.com/v1",
       .key_variables = {"STEPFUN_API_KEY", "STEP_API_KEY", "STEP_PLAN_API_KEY"},
       .model = "step-3.7-flash",
       .takes_effort = true},
      {.name = "xiaomi",
       .base_url = "https://api.xiaomimimo.com/v1",
       .key_variables = {"XIAOMI_API_KEY", "MIMO_API_KEY"},
       .model = "mimo-v2.5-pro",
       .thinking = Thinking::kTypeField,
       .long_max_tokens = true,
       .key_header = true},
  };
  return *providers;
}

const Provider* FindProvider(std::string_view name) {
  for (const Provider& provider : KnownProviders()) {
    if (provider.name == name) return &provider;
  }
  return nullptr;
}

}  // namespace odw::executors
