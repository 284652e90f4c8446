#include "executors/runtimes/bamboo/provider_table.h"

namespace odw::executors {

// As published on 2026-06-01; the config's own values win.
const std::vector<Provider>& KnownProviders() {
  static const auto* const providers = new std::vector<Provider>{
      {.name = "deepseek", .base_url = "https://api.deepseek.com", .key_variables = {"DEEPSEEK_API_KEY"},
       .model = "deepseek-v4-pro", .currency = "USD", .input_micros_per_mtok = 435'000,
       .cached_micros_per_mtok = 3'625, .output_micros_per_mtok = 870'000, .context_tokens = 1'000'000,
       .thinking = Thinking::kTypeField, .takes_effort = true, .keeps_reasoning = true},
      {.name = "kimi", .base_url = "https://api.moonshot.cn/v1", .key_variables = {"KIMI_API_KEY", "MOONSHOT_API_KEY"},
       .model = "kimi-k2.6", .currency = "USD", .input_micros_per_mtok = 950'000, .cached_micros_per_mtok = 160'000,
       .output_micros_per_mtok = 4'000'000, .context_tokens = 256'000, .thinking = Thinking::kTypeField,
       .long_max_tokens = true, .keeps_reasoning = true},
      {.name = "qwen", .base_url = "https://dashscope.aliyuncs.com/compatible-mode/v1",
       .key_variables = {"QWEN_API_KEY", "DASHSCOPE_API_KEY", "BAILIAN_API_KEY", "ALIBABA_API_KEY"},
       .model = "qwen3.7-max", .currency = "CNY", .input_micros_per_mtok = 12'000'000,
       .cached_micros_per_mtok = 2'400'000, .output_micros_per_mtok = 36'000'000, .context_tokens = 1'000'000,
       .thinking = Thinking::kEnableFlag},
      {.name = "zhipu", .base_url = "https://open.bigmodel.cn/api/paas/v4",
       .key_variables = {"ZHIPU_API_KEY", "BIGMODEL_API_KEY", "GLM_API_KEY"}, .model = "glm-5.1", .currency = "CNY",
       .input_micros_per_mtok = 6'000'000, .cached_micros_per_mtok = 1'300'000, .output_micros_per_mtok = 24'000'000,
       .context_tokens = 200'000, .thinking = Thinking::kTypeField},
      {.name = "minimax", .base_url = "https://api.minimaxi.com/v1",
       .key_variables = {"MINIMAX_API_KEY", "MINIMAXI_API_KEY"}, .model = "MiniMax-M3", .currency = "CNY",
       .input_micros_per_mtok = 2'100'000, .cached_micros_per_mtok = 420'000, .output_micros_per_mtok = 8'400'000,
       .context_tokens = 1'000'000, .thinking = Thinking::kSplit, .long_max_tokens = true},
      {.name = "stepfun", .base_url = "https://api.stepfun.com/v1",
       .key_variables = {"STEPFUN_API_KEY", "STEP_API_KEY", "STEP_PLAN_API_KEY"}, .model = "step-3.7-flash",
       .currency = "USD", .input_micros_per_mtok = 200'000, .cached_micros_per_mtok = 40'000,
       .output_micros_per_mtok = 1'150'000, .context_tokens = 256'000, .takes_effort = true},
      {.name = "xiaomi", .base_url = "https://api.xiaomimimo.com/v1", .key_variables = {"XIAOMI_API_KEY", "MIMO_API_KEY"},
       .model = "mimo-v2.5-pro", .currency = "CNY", .input_micros_per_mtok = 7'000'000,
       .cached_micros_per_mtok = 1'400'000, .output_micros_per_mtok = 21'000'000, .context_tokens = 1'000'000,
       .thinking = Thinking::kTypeField, .long_max_tokens = true, .key_header = true},
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
