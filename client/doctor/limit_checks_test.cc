#include "client/doctor/limit_checks.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

namespace odw::client {
namespace {

constexpr int64_t kNow = 1'795'000'000'000;

class LimitChecksTest : public testing::Test {
 protected:
  LimitChecksTest() {
    setenv("TZ", "UTC", 1);
    tzset();
  }
};

TEST_F(LimitChecksTest, NothingThatLimitsIsNoCheck) {
  v1::Info info;
  EXPECT_TRUE(LimitChecks(info, kNow).empty());
  info.mutable_today()->mutable_usage()->set_input_tokens(5);  // without a ceiling
  EXPECT_TRUE(LimitChecks(info, kNow).empty());
}

TEST_F(LimitChecksTest, AnOpenBreakerSaysUntilWhenAndWhy) {
  v1::Info info;
  v1::ProviderState* state = info.add_providers();
  state->set_runtime("bamboo");
  state->set_provider("kimi");
  state->set_open(true);
  state->set_concurrency(2);
  state->set_retry_unix_ms(kNow + 40'000);
  state->set_why("5 failures in a row: overloaded\x1b[31m");
  const std::vector<Check> checks = LimitChecks(info, kNow);
  ASSERT_EQ(checks.size(), 1u);
  EXPECT_EQ(checks[0].name, "provider bamboo kimi");
  EXPECT_EQ(checks[0].verdict, Verdict::kNote);
  EXPECT_EQ(checks[0].finding,
            "not asked at present; at most 2 at a time; asked again at 2026-11-18 11:07:20 (in "
            "40.0s): 5 failures in a row: overloaded[31m");
  EXPECT_FALSE(checks[0].next_step.empty());
}

TEST_F(LimitChecksTest, TodayStandsAgainstItsCeilings) {
  v1::Info info;
  v1::DayUsage* today = info.mutable_today();
  today->mutable_usage()->set_input_tokens(1'200'000);
  today->mutable_usage()->set_cost_micros(900'000);
  today->mutable_usage()->set_currency("CNY");
  v1::Money* other = today->mutable_usage()->add_other_costs();
  other->set_currency("USD");
  other->set_micros(3'000'000);
  today->set_tokens_max(5'000'000);
  today->set_cost_micros_max(20'000'000);
  today->set_cost_currency("USD");
  EXPECT_EQ(LimitChecks(info, kNow)[0].finding,
            "1.2M of 5.0M tokens, 0.9000 CNY + 3.0000 USD of 20.0000 USD since 00:00 UTC");
  EXPECT_EQ(LimitChecks(info, kNow)[0].verdict, Verdict::kGood);
  today->set_cost_micros_max(3'000'000);
  const Check met = LimitChecks(info, kNow)[0];
  EXPECT_EQ(met.verdict, Verdict::kNote);
  EXPECT_NE(met.next_step.find("Runs go on in 12h53m"), std::string::npos) << met.next_step;
}

}  // namespace
}  // namespace odw::client
