#include "tests/sim/plan.h"

#include <cstdio>
#include <iterator>

#include "daemon/model/error_table.h"
#include "tests/sim/context.h"

namespace odw::sim {
namespace {

constexpr uint32_t kDayMs = 24u * 3600 * 1000;

}  // namespace

namespace {

Plan PlainPlan(Rng* rng) {
  Plan plan;
  plan.json = rng->OneIn(3);
  if (rng->OneIn(6)) plan.pad_bytes = 3000;
  return plan;
}

Plan FailingPlan(Rng* rng, v1::ErrorCategory category) {
  Plan plan = PlainPlan(rng);
  plan.category = category;
  const model::RetryRule& rule = model::InfoOf(plan.category).retry;
  // A number of failures that its policy outlasts, or endless ones where the policy ends.
  if (!rule.retryable || (rule.tries_max != model::kTriesUnlimited && rng->OneIn(3))) {
    plan.failing = kFailsAlways;
  } else if (rule.tries_max == model::kTriesUnlimited) {
    plan.failing = static_cast<uint32_t>(rng->Between(1, 3));
  } else {
    plan.failing = static_cast<uint32_t>(rng->Between(1, rule.tries_max - 1));
  }
  if (plan.category == v1::RATE_LIMIT || plan.category == v1::OVERLOADED) {
    if (rng->OneIn(2)) plan.retry_after_ms = static_cast<uint32_t>(rng->Between(1, 90'000));
    if (rng->OneIn(10)) {  // longer than a run may wait
      plan.retry_after_ms = kDayMs + 3'600'000;
      plan.failing = kFailsAlways;
    }
  }
  return plan;
}

}  // namespace

Plan RandomPlan(Rng* rng) {
  if (!rng->OneIn(3)) return PlainPlan(rng);
  return FailingPlan(rng, static_cast<v1::ErrorCategory>(rng->Between(1, v1::ErrorCategory_MAX)));
}

Plan ProviderPlan(Rng* rng) {
  constexpr v1::ErrorCategory kCategories[] = {v1::RATE_LIMIT, v1::OVERLOADED, v1::OVERLOADED,
                                               v1::NETWORK,    v1::AUTH,       v1::QUOTA};
  if (rng->OneIn(3)) return PlainPlan(rng);
  return FailingPlan(rng, kCategories[rng->Below(std::size(kCategories))]);
}

std::string PromptOf(uint64_t id, uint64_t input, const Plan& plan) {
  char text[160];
  std::snprintf(text, sizeof text, "%llu %llx %d %u %u %u %d", static_cast<unsigned long long>(id),
                static_cast<unsigned long long>(input), static_cast<int>(plan.category),
                plan.failing, plan.retry_after_ms, plan.pad_bytes, plan.json ? 1 : 0);
  std::string prompt = text;
  if (plan.pad_bytes > 0) prompt += '|' + std::string(plan.pad_bytes, 'p');
  return prompt;
}

Plan PlanOf(const std::string& prompt) {
  Plan plan;
  unsigned long long id, input;
  int category, json;
  if (std::sscanf(prompt.c_str(), "%llu %llx %d %u %u %u %d", &id, &input, &category, &plan.failing,
                  &plan.retry_after_ms, &plan.pad_bytes, &json) != 7) {
    Broken("an executor was given a prompt that no script wrote: '" + prompt.substr(0, 80) + "'");
  }
  plan.category = static_cast<v1::ErrorCategory>(category);
  plan.json = json != 0;
  return plan;
}

v1::Result AnswerTo(const std::string& prompt, uint32_t attempt) {
  const Plan plan = PlanOf(prompt);
  const uint64_t hash = HashOf(prompt);
  v1::Result result;
  result.mutable_usage()->set_input_tokens(1 + hash % 97);
  result.mutable_usage()->set_output_tokens(1 + hash % 13);
  result.mutable_usage()->set_cost_micros(static_cast<int64_t>(1 + hash % 1009));
  constexpr const char* kCurrencies[] = {"USD", "CNY", "EUR"};
  result.mutable_usage()->set_currency(kCurrencies[hash / 1009 % 3]);
  if (plan.category != v1::ERROR_CATEGORY_UNSPECIFIED && attempt <= plan.failing) {
    result.mutable_error()->set_category(plan.category);
    result.mutable_error()->set_message("no luck " + HexOf(hash));
    result.mutable_error()->set_retry_after_ms(plan.retry_after_ms);
    return result;
  }
  result.set_ok(true);
  result.set_value_is_json(plan.json);
  std::string value = HexOf(hash) + std::string(plan.pad_bytes, 'v');
  result.set_value(plan.json ? '"' + value + '"' : value);
  return result;
}

bool SucceedsAtLast(const Plan& plan) {
  if (plan.category == v1::ERROR_CATEGORY_UNSPECIFIED) return true;
  return plan.failing != kFailsAlways;
}

uint64_t HashOf(const std::string& text, uint64_t seed) {
  uint64_t hash = 0xcbf29ce484222325ull ^ seed * 0x9e3779b97f4a7c15ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return hash ^ (hash >> 29);
}

std::string HexOf(uint64_t value) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

}  // namespace odw::sim
