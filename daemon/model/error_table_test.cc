#include "daemon/model/error_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

namespace odw::model {
namespace {

TEST(ErrorTable, RowsFollowTheNumbersInTypesProto) {
  for (int i = 1; i <= v1::ErrorCategory_MAX; ++i) {
    const auto category = static_cast<v1::ErrorCategory>(i);
    std::string name = v1::ErrorCategory_Name(category);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    EXPECT_EQ(InfoOf(category).name, name);
    EXPECT_EQ(CategoryFromName(name.c_str()), category);
    EXPECT_NE(std::string(InfoOf(category).next_step), "");
  }
  EXPECT_EQ(CategoryFromName("no_such"), v1::ERROR_CATEGORY_UNSPECIFIED);
}

TEST(ErrorTable, UnknownNumberIsInternal) {
  EXPECT_STREQ(InfoOf(static_cast<v1::ErrorCategory>(9999)).name, "internal");
}

TEST(ErrorTable, RateLimitIsNeverCountedAndObeysRetryAfter) {
  const RetryRule& rule = InfoOf(v1::RATE_LIMIT).retry;
  EXPECT_TRUE(rule.retryable);
  EXPECT_FALSE(rule.counts);
  EXPECT_EQ(rule.tries_max, kTriesUnlimited);
  EXPECT_EQ(BackoffAfter(rule, 1, absl::Minutes(7)), absl::Minutes(7));
}

TEST(ErrorTable, TransientErrorsDoubleFromHalfASecondToThirty) {
  for (v1::ErrorCategory category : {v1::OVERLOADED, v1::NETWORK}) {
    const RetryRule& rule = InfoOf(category).retry;
    EXPECT_EQ(rule.tries_max, 5u);
    EXPECT_EQ(BackoffAfter(rule, 1, absl::ZeroDuration()), absl::Milliseconds(500));
    EXPECT_EQ(BackoffAfter(rule, 2, absl::ZeroDuration()), absl::Seconds(1));
    EXPECT_EQ(BackoffAfter(rule, 50, absl::ZeroDuration()), absl::Seconds(30));
  }
}

TEST(ErrorTable, TriesOfTheOthers) {
  EXPECT_EQ(InfoOf(v1::CRASHED).retry.tries_max, 2u);
  EXPECT_EQ(InfoOf(v1::STALL).retry.tries_max, 6u);
  EXPECT_EQ(BackoffAfter(InfoOf(v1::HOST_LOST).retry, 9, absl::ZeroDuration()),
            absl::ZeroDuration());
  EXPECT_FALSE(InfoOf(v1::HOST_LOST).retry.counts);
  for (v1::ErrorCategory category : {v1::AUTH, v1::REFUSED, v1::TIMEOUT, v1::SCHEMA,
                                     v1::EXIT_STATUS, v1::CANCELLED, v1::BUDGET, v1::INTERNAL}) {
    EXPECT_FALSE(InfoOf(category).retry.retryable);
    EXPECT_EQ(InfoOf(category).retry.tries_max, 1u);
  }
}

}  // namespace
}  // namespace odw::model
