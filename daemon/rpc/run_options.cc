#include "daemon/rpc/run_options.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "daemon/model/fallback_entry.h"

namespace odw::rpc {
namespace {

// A run's token budget: past this a double no longer counts single tokens.
constexpr double kBudgetTokensMax = 9007199254740991.0;
constexpr uint64_t kTokensMax = 9007199254740991u;
constexpr char kDefaultCurrency[] = "USD";

absl::Status CheckCount(const char* name, uint32_t value, uint32_t most) {
  if (value <= most) return absl::OkStatus();
  return TooMuch(std::string("the option ") + name, value, most, "a fixed limit");
}

absl::Status CheckText(const char* name, const std::string& text) {
  if (text.size() <= kNameBytesMax && text.find('\0') == std::string::npos) return absl::OkStatus();
  return absl::InvalidArgumentError(std::string("the option ") + name +
                                    " is too long or holds a zero byte");
}

absl::Status CheckChoice(const char* name, const std::string& value,
                         std::initializer_list<const char*> choices) {
  std::string known;
  for (const char* choice : choices) {
    if (value == choice || value.empty()) return absl::OkStatus();
    known += (known.empty() ? "" : ", ") + std::string(choice);
  }
  return absl::InvalidArgumentError(std::string("the option ") + name + " is '" +
                                    value.substr(0, 100) + "'; choose " + known);
}

absl::Status CheckFallback(const std::string& entry) {
  if (model::ParseFallback(entry)) return CheckText("fallback", entry);
  return absl::InvalidArgumentError("the option fallback has '" + entry.substr(0, 100) +
                                    "', which is none: give " + model::kFallbackForms);
}

absl::Status CheckCeilings(const v1::RunOptions& options) {
  const double budget = options.budget_tokens();
  if (!std::isfinite(budget) || budget < 0 || budget > kBudgetTokensMax) {
    return absl::InvalidArgumentError(
        "the option budget_tokens must be a number of tokens, 0 for none");
  }
  if (options.tokens_max() > kTokensMax) {
    return TooMuch("the option tokens_max", options.tokens_max(), kTokensMax, "a fixed limit");
  }
  if (options.cost_micros_max() < 0) {
    return absl::InvalidArgumentError("the option cost_micros_max must not be negative");
  }
  const std::string& currency = options.cost_currency();
  bool letters = currency.size() == 3;
  for (const char c : currency) letters = letters && c >= 'A' && c <= 'Z';
  if (currency.empty() || letters) return absl::OkStatus();
  return absl::InvalidArgumentError("the option cost_currency is '" + currency.substr(0, 100) +
                                    "'; give the three letters of ISO 4217, such as USD");
}

uint32_t Or(uint32_t chosen, uint32_t otherwise) { return chosen > 0 ? chosen : otherwise; }
const std::string& Or(const std::string& chosen, const std::string& otherwise) {
  return chosen.empty() ? otherwise : chosen;
}

}  // namespace

absl::Status TooMuch(const std::string& what, uint64_t has, uint64_t limit,
                     const std::string& setting) {
  return absl::ResourceExhaustedError(what + " is " + std::to_string(has) + " and the limit is " +
                                      std::to_string(limit) + " (" + setting + ")");
}

absl::Status CheckOptions(const v1::RunOptions& options) {
  ODW_RETURN_IF_ERROR(CheckCount("concurrency", options.concurrency(), config::kConcurrencyMax));
  ODW_RETURN_IF_ERROR(CheckCount("agents_max", options.agents_max(), config::kAgentsMax));
  ODW_RETURN_IF_ERROR(
      CheckCount("list_length_max", options.list_length_max(), config::kListLengthMax));
  ODW_RETURN_IF_ERROR(CheckCount("schema_tries_max", options.schema_tries_max(), kSchemaTriesMax));
  if (!options.cwd().empty() && options.cwd()[0] != '/') {
    return absl::InvalidArgumentError("the option cwd must be an absolute path, not '" +
                                      options.cwd() + "'");
  }
  ODW_RETURN_IF_ERROR(CheckText("cwd", options.cwd()));
  ODW_RETURN_IF_ERROR(CheckText("default_runtime", options.default_runtime()));
  ODW_RETURN_IF_ERROR(CheckText("default_model", options.default_model()));
  ODW_RETURN_IF_ERROR(CheckText("forced_runtime", options.forced_runtime()));
  ODW_RETURN_IF_ERROR(
      CheckChoice("permission", options.permission(), {"read-only", "workspace-write", "full"}));
  ODW_RETURN_IF_ERROR(CheckChoice("network", options.network(), {"yes", "no"}));
  if (options.fallback_size() > kFallbacksMax) {
    return TooMuch("the number of entries of the option fallback",
                   static_cast<uint64_t>(options.fallback_size()), kFallbacksMax, "a fixed limit");
  }
  for (const std::string& entry : options.fallback()) ODW_RETURN_IF_ERROR(CheckFallback(entry));
  return CheckCeilings(options);
}

void SetExchange(const SubmitDefaults& defaults, v1::RunSettings* settings) {
  settings->clear_exchange();
  for (const auto& [currency, per_usd] : defaults.exchange) {
    v1::ExchangeRate* rate = settings->add_exchange();
    rate->set_currency(currency);
    rate->set_per_usd(per_usd);
  }
}

v1::RunSettings DefaultSettings(const SubmitDefaults& defaults) {
  const config::Limits& limits = defaults.limits;
  v1::RunSettings settings;
  settings.set_concurrency(limits.concurrency);
  settings.set_agents_max(limits.agents_max);
  settings.set_list_length_max(limits.list_length_max);
  settings.set_log_lines_max(limits.log_lines_max);
  settings.set_log_bytes_max(limits.log_bytes_max);
  settings.set_prompt_bytes_max(limits.prompt_bytes_max);
  settings.set_result_bytes_max(limits.result_bytes_max);
  settings.set_turn_cpu_ms(limits.turn_cpu_ms);
  settings.set_heap_bytes_max(limits.heap_bytes_max);
  settings.set_call_refusals_max(limits.call_refusals_max);
  settings.set_return_grace_ms(limits.return_grace_ms);
  settings.set_schema_tries_max(limits.schema_tries_max);
  settings.set_stall_ms(limits.stall_ms);
  settings.set_stall_tries_max(limits.stall_tries_max);
  settings.set_default_runtime(defaults.default_runtime);
  settings.set_default_model(defaults.default_model);
  for (const std::string& entry : defaults.fallback) settings.add_fallback(entry);
  SetExchange(defaults, &settings);
  return settings;
}

void ApplyOptions(const v1::RunOptions& options, v1::RunSettings* settings) {
  settings->set_concurrency(Or(options.concurrency(), settings->concurrency()));
  settings->set_agents_max(Or(options.agents_max(), settings->agents_max()));
  settings->set_list_length_max(Or(options.list_length_max(), settings->list_length_max()));
  settings->set_schema_tries_max(Or(options.schema_tries_max(), settings->schema_tries_max()));
  settings->set_default_runtime(Or(options.default_runtime(), settings->default_runtime()));
  settings->set_default_model(Or(options.default_model(), settings->default_model()));
  settings->set_forced_runtime(Or(options.forced_runtime(), settings->forced_runtime()));
  settings->set_cwd(Or(options.cwd(), settings->cwd()));
  settings->set_permission(Or(options.permission(), settings->permission()));
  settings->set_network(Or(options.network(), settings->network()));
  if (options.strict_agent_types()) settings->set_strict_agent_types(true);
  if (options.include_dirty()) settings->set_include_dirty(true);
  if (options.fallback_size() > 0) *settings->mutable_fallback() = options.fallback();
  if (options.budget_tokens() > 0) settings->set_budget_total(options.budget_tokens());
  if (options.tokens_max() > 0) settings->set_tokens_max(options.tokens_max());
  if (options.cost_micros_max() > 0) settings->set_cost_micros_max(options.cost_micros_max());
  settings->set_cost_currency(Or(options.cost_currency(), settings->cost_currency()));
  if (settings->cost_micros_max() > 0 && settings->cost_currency().empty()) {
    settings->set_cost_currency(kDefaultCurrency);
  }
}

void SetPhaseModels(const std::string& meta_json, v1::RunSettings* settings) {
  settings->clear_phase_models();
  const auto meta = nlohmann::json::parse(meta_json, nullptr, /*allow_exceptions=*/false);
  if (!meta.is_object() || !meta.contains("phases") || !meta["phases"].is_array()) return;
  for (const auto& phase : meta["phases"]) {
    if (!phase.is_object() || !phase.contains("title") || !phase.contains("model")) continue;
    if (!phase["title"].is_string() || !phase["model"].is_string()) continue;
    v1::PhaseModel* entry = settings->add_phase_models();
    entry->set_title(phase["title"].get<std::string>());
    entry->set_model(phase["model"].get<std::string>());
  }
}

double BudgetOfArgs(const std::string& args_json) {
  // Most args hold no such word: not worth a tree of up to 16 MiB.
  if (args_json.find("\"budget\"") == std::string::npos) return 0;
  const auto args = nlohmann::json::parse(args_json, nullptr, /*allow_exceptions=*/false);
  if (!args.is_object() || !args.contains("budget") || !args["budget"].is_object()) return 0;
  const auto& budget = args["budget"];
  if (!budget.contains("total") || !budget["total"].is_number()) return 0;
  const double total = budget["total"].get<double>();
  return std::isfinite(total) && total > 0 && total <= kBudgetTokensMax ? total : 0;
}

}  // namespace odw::rpc
