#include "daemon/model/error_table.h"

#include <algorithm>
#include <cstring>

#include "daemon/base/check.h"

namespace odw::model {
namespace {

constexpr RetryRule kOnce = {};

RetryRule Transient() {
  return {.retryable = true,
          .counts = true,
          .tries_max = 5,
          .first_backoff = absl::Milliseconds(500),
          .backoff_cap = absl::Seconds(30)};
}

// The provider says when: waits cost nobody anything, so they are not counted.
RetryRule RateLimited() {
  return {.retryable = true,
          .counts = false,
          .tries_max = kTriesUnlimited,
          .first_backoff = absl::Seconds(1),
          .backoff_cap = absl::Seconds(60)};
}

RetryRule Tries(uint32_t tries) {
  return {.retryable = true,
          .counts = true,
          .tries_max = tries,
          .first_backoff = absl::Milliseconds(500),
          .backoff_cap = absl::Seconds(30)};
}

RetryRule AtOnce() {
  return {.retryable = true,
          .counts = false,
          .tries_max = kTriesUnlimited,
          .first_backoff = absl::ZeroDuration(),
          .backoff_cap = absl::ZeroDuration()};
}

constexpr int kCategories = v1::ErrorCategory_MAX + 1;

// In the order of the numbers in types.proto; a test compares.
const ErrorInfo* Table() {
  static const ErrorInfo table[] = {
      {"unspecified", kOnce,
       "This is a fault of odwd or of an executor: please report it with the run's report."},
      {"rate_limit", RateLimited(),
       "Wait, lower `concurrency`, or ask the provider for a higher limit."},
      {"overloaded", Transient(),
       "The provider is out of capacity: run it again later, or choose another model."},
      {"network", Transient(),
       "Check the executor's network and the provider's base URL, then run it again."},
      {"auth", kOnce,
       "Check the provider's key in the executor's environment, then restart the executor."},
      {"permission", kOnce,
       "Allow the action in the node's `permission` or `tools`, or change the prompt."},
      {"refused", kOnce, "The model declined: change the prompt or choose another model."},
      {"invalid_request", kOnce, "Correct the call's options as the message says."},
      {"context_length", kOnce, "Shorten the prompt or choose a model with a larger context."},
      {"model_not_found", kOnce, "Correct the model's name, or give the key access to it."},
      {"timeout", kOnce, "Raise the call's timeout or give the node less to do."},
      {"stall", Tries(6),
       "The runtime stopped making progress: look at the executor's log, then run it again."},
      {"crashed", Tries(2),
       "Look at the executor's log for why the runtime ended, then run it again."},
      {"schema", kOnce, "Loosen the schema, or say in the prompt what the answer must look like."},
      {"exit_status", kOnce,
       "Run the command by hand with the same arguments to see what it reports."},
      {"host_lost", AtOnce(), "Start the executor again where it ran; the node goes on by itself."},
      {"cancelled", kOnce, "Nothing to do: the node was stopped on request."},
      {"output_too_large", kOnce,
       "Ask for less output, or raise the limit that the message names."},
      {"unsupported", kOnce,
       "Start an executor that serves this, or change the call's runtime or options."},
      {"budget", kOnce, "Raise the run's budget or give it less to do."},
      {"limit", kOnce, "Raise the limit that the message names, or split the work into more runs."},
      {"internal", kOnce,
       "This is a fault of odwd or of an executor: please report it with the run's report."},
      {"result_not_serializable", kOnce,
       "Return plain data: what the message names has no JSON form."},
      {"deadlock", kOnce, "Look for an await of a promise that nothing settles."},
      {"quota", kOnce, "Top up the account or choose another provider, then resume the run."},
  };
  static_assert(sizeof table / sizeof table[0] == kCategories, "one row a category");
  return table;
}

}  // namespace

const ErrorInfo& InfoOf(v1::ErrorCategory category) {
  const int number = static_cast<int>(category);
  return Table()[number >= 0 && number < kCategories ? number : v1::INTERNAL];
}

v1::ErrorCategory CategoryFromName(const char* name) {
  for (int i = 1; i < kCategories; ++i) {
    if (std::strcmp(Table()[i].name, name) == 0) return static_cast<v1::ErrorCategory>(i);
  }
  return v1::ERROR_CATEGORY_UNSPECIFIED;
}

absl::Duration BackoffAfter(const RetryRule& rule, uint32_t failures, absl::Duration retry_after) {
  ODW_CHECK(failures >= 1);
  absl::Duration wait = rule.first_backoff;
  for (uint32_t i = 1; i < failures && wait < rule.backoff_cap; ++i) wait *= 2;
  return std::max(std::min(wait, rule.backoff_cap), retry_after);
}

}  // namespace odw::model
