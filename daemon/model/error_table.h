// The one error table of the product: for each category its name, when it is tried again, and what
// the user can do about it. Pure data; thread-safe.
#pragma once

#include <cstdint>

#include "absl/time/time.h"
#include "odw/v1/types.pb.h"

namespace odw::model {

// tries_max of an error that is tried again for as long as it takes (a wait's own cap still holds).
inline constexpr uint32_t kTriesUnlimited = UINT32_MAX;

struct RetryRule {
  bool retryable = false;
  // Against the node's own attempts: a rate limit or a lost host says nothing about the node.
  bool counts = true;
  // Attempts in all, the first included. 1: not tried again.
  uint32_t tries_max = 1;
  absl::Duration first_backoff;
  absl::Duration backoff_cap;
};

struct ErrorInfo {
  const char* name;  // "rate_limit": in JSON, pages and metrics
  RetryRule retry;
  const char* next_step;  // one sentence for the user; never empty
};

// Unknown numbers (of a newer executor) are treated as INTERNAL.
const ErrorInfo& InfoOf(v1::ErrorCategory category);

// The category with this name; ERROR_CATEGORY_UNSPECIFIED when there is none.
v1::ErrorCategory CategoryFromName(const char* name);

// How long to wait after the `failures`-th failure in a row (from 1): doubles from first_backoff to
// the cap; never less than `retry_after`. Without jitter, which the caller adds and journals.
absl::Duration BackoffAfter(const RetryRule& rule, uint32_t failures, absl::Duration retry_after);

}  // namespace odw::model
