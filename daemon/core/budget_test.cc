// Reservations and ceilings: who may start, who waits, who is cut short, refused or paused.
#include "daemon/core/budget.h"

#include "daemon/core/engine_testing.h"

namespace odw::core {
namespace {

class BudgetTest : public EngineTest {
 protected:
  // A run with these ceilings and so many calls made at once. An answer uses 7 output tokens.
  std::vector<SendAssign> Start(uint64_t calls, const std::function<void(v1::RunSettings*)>& ceilings) {
    slots_ = 32;
    prepare_ = [&](v1::RunSubmitted* header) {
      header->mutable_settings()->set_agents_max(100);
      ceilings(header->mutable_settings());
    };
    SubmitRun(/*concurrency=*/16);
    Attach(5);
    std::vector<v1::script::Call> made;
    for (uint64_t i = 1; i <= calls; ++i) made.push_back(AgentCall(i, std::to_string(i)));
    Turn(1, 0, made);
    return Take<SendAssign>();
  }
  void Answer1(const SendAssign& send) { Answer(5, send.assign.token(), "x"); }
  // Answers and says what it cost.
  void AnswerFor(const SendAssign& send, int64_t micros, const std::string& currency = "EUR") {
    ExecutorSaid said{.session = 5};
    v1::Result* result = said.message.mutable_result();
    result->set_token(send.assign.token());
    result->set_ok(true);
    result->mutable_usage()->set_output_tokens(7);
    result->mutable_usage()->set_cost_micros(micros);
    result->mutable_usage()->set_currency(currency);
    Handle(std::move(said));
  }
  uint64_t Reserved() {
    uint64_t reserved = 0;
    for (const v1::Event& event : log_) reserved += event.attempt_started().reserved_tokens();
    return reserved;
  }
};

TEST_F(BudgetTest, WithoutACeilingNothingIsReserved) {
  EXPECT_EQ(Start(3, [](auto*) {}).size(), 3u);
  EXPECT_EQ(Reserved(), 0u);
}

TEST_F(BudgetTest, WhatDoesNotFitWaitsUntilAnotherEnds) {
  const auto first = Start(3, [](auto* s) { s->set_tokens_max(10000); });
  ASSERT_EQ(first.size(), 2u);  // 4,000 each, until more is known
  EXPECT_EQ(first[0].assign.request().output_tokens_max(), 0u);
  Answer1(first[0]);
  EXPECT_EQ(Take<SendAssign>().size(), 1u);  // 7 each, it has turned out
}

TEST_F(BudgetTest, SixteenInFlightHoldNoMoreThanTheCeiling) {
  const auto first = Start(40, [](auto* s) { s->set_tokens_max(30000); });
  EXPECT_EQ(first.size(), 7u);
  EXPECT_LE(Reserved(), 30000u);
}

TEST_F(BudgetTest, WithNothingInFlightTheOutputIsClampedToTheRemainder) {
  const auto first = Start(3, [](auto* s) { s->set_budget_total(20); });
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].assign.request().output_tokens_max(), 20u);
  Answer1(first[0]);
  const auto second = Take<SendAssign>();
  ASSERT_EQ(second.size(), 1u);  // 7 are reserved, 13 are left: the third does not fit
  EXPECT_EQ(second[0].assign.request().output_tokens_max(), 0u);
  Answer1(second[0]);
  EXPECT_EQ(Take<SendAssign>().at(0).assign.request().output_tokens_max(), 6u);
}

TEST_F(BudgetTest, WhatTheScriptsBudgetCannotPayIsRefused) {
  const auto first = Start(2, [](auto* s) { s->set_budget_total(7); });
  Answer1(first.at(0));
  const auto settles = Take<HostSettle>();
  ASSERT_EQ(settles.size(), 2u);
  EXPECT_EQ(settles[1].settle.rejection().code(), "budget");
  EXPECT_EQ(settles[1].settle.rejection().message(), "Workflow budget exhausted: 7 of 7 tokens");
  EXPECT_EQ(run().census[v1::BUDGET], 1u);
}

TEST_F(BudgetTest, ARefusalReachesAScriptThatHasNoHost) {
  const auto first = Start(2, [](auto* s) { s->set_budget_total(7); });
  Handle(HostGone{.run_id = "wf_test01", .epoch = Take<HostStart>().at(0).epoch});
  ExecutorSaid said{.session = 5};  // fails for good: usage, and no answer
  v1::Result* result = said.message.mutable_result();
  result->set_token(first.at(0).assign.token());
  result->mutable_error()->set_category(v1::NETWORK);
  result->mutable_usage()->set_output_tokens(7);
  Handle(std::move(said));
  EXPECT_EQ(run().counts.failed, 1u);  // n2
  EXPECT_EQ(Take<HostStart>().size(), 1u);
}

TEST_F(BudgetTest, TheTokenCeilingPausesTheRunUntilItIsRaised) {
  const auto first = Start(2, [](auto* s) { s->set_tokens_max(7); });
  Answer1(first.at(0));
  EXPECT_EQ(summary_.state(), v1::PAUSED);
  EXPECT_EQ(summary_.waiting_for(0).rfind("paused: token ceiling: 7 of 7", 0), 0u);
  EXPECT_TRUE(Unpause().ok());
  EXPECT_EQ(summary_.state(), v1::PAUSED);  // nothing has changed
  EXPECT_TRUE(Command(UnpauseRun{.run_id = "wf_test01", .owner = "me", .tokens_max = 100}).ok());
  EXPECT_EQ(Take<SendAssign>().size(), 1u);
}

TEST_F(BudgetTest, TheCostCeilingPausesTheRunAndIsRememberedByTheNextDaemon) {
  const auto first = Start(2, [](auto* s) {
    s->set_cost_micros_max(1500);
    s->set_cost_currency("EUR");
    s->set_concurrency(1);
  });
  AnswerFor(first.at(0), 1000);
  EXPECT_EQ(run().state, v1::PAUSED);
  Restart();
  Attach(6);
  EXPECT_EQ(run().state, v1::PAUSED);
  EXPECT_NE(run().paused_why.find("0.001 of 0.0015 EUR"), std::string::npos);
  EXPECT_TRUE(
      Command(UnpauseRun{.run_id = "wf_test01", .owner = "me", .cost_micros_max = 5000}).ok());
  EXPECT_EQ(Take<SendAssign>().size(), 1u);
}

TEST_F(BudgetTest, WhereMoneyIsLimitedAndNoPriceKnownTheFirstCallTells) {
  const auto first = Start(3, [](auto* s) {
    s->set_cost_micros_max(10000);
    s->set_cost_currency("EUR");
  });
  ASSERT_EQ(first.size(), 1u);
  AnswerFor(first[0], 4000);
  EXPECT_EQ(Take<SendAssign>().size(), 1u);  // 4,000 spent, 4,000 held: a third does not fit
}

TEST_F(BudgetTest, ARestartHoldsTheSameReservations) {
  const auto first = Start(3, [](auto* s) { s->set_tokens_max(10000); });
  Restart();
  Attach(6, {{first[0].assign.token(), false}, {first[1].assign.token(), false}});
  EXPECT_TRUE(Take<SendAssign>().empty());
}

TEST_F(BudgetTest, WhatPassesACeilingIsReported) {
  const auto first = Start(1, [](auto* s) { s->set_budget_total(5); });
  Answer1(first.at(0));
  EXPECT_EQ(summary_.overshoot_tokens(), 2u);
}

void Rate(const std::string& currency, double per_usd, v1::RunSettings* settings) {
  v1::ExchangeRate* rate = settings->add_exchange();
  rate->set_currency(currency);
  rate->set_per_usd(per_usd);
}

TEST_F(BudgetTest, MoneyOfOtherCurrenciesCountsByTheHeadersRates) {
  const auto first = Start(3, [](auto* s) {
    s->set_cost_micros_max(2'000'000);
    s->set_cost_currency("USD");
    s->set_concurrency(1);
    Rate("CNY", 8, s);
  });
  AnswerFor(first.at(0), 1'000'000, "USD");
  EXPECT_EQ(summary_.state(), v1::RUNNING);
  AnswerFor(Take<SendAssign>().at(0), 8'800'000, "CNY");  // 1.1 USD
  EXPECT_EQ(summary_.state(), v1::PAUSED);
  EXPECT_EQ(summary_.usage().cost_micros(), 1'000'000);
  EXPECT_EQ(summary_.usage().other_costs(0).micros(), 8'800'000);
  EXPECT_EQ(summary_.overshoot_micros(), 100'000);
  EXPECT_NE(run().paused_why.find("2.1 of 2 USD"), std::string::npos) << run().paused_why;
}

TEST_F(BudgetTest, MoneyWithoutARateIsRefusedFromThereOn) {
  const auto first = Start(2, [](auto* s) {
    s->set_cost_micros_max(2'000'000);
    s->set_cost_currency("USD");
  });
  ASSERT_EQ(first.size(), 1u);
  AnswerFor(first.at(0), 1, "CNY");
  const auto settles = Take<HostSettle>();
  ASSERT_EQ(settles.size(), 2u);
  EXPECT_EQ(settles[1].settle.rejection().code(), "budget");
  const std::string why = settles[1].settle.rejection().message();
  EXPECT_NE(why.find("paid in CNY"), std::string::npos) << why;
  EXPECT_NE(why.find("[budget.exchange]"), std::string::npos) << why;
}

TEST_F(BudgetTest, AModelWhosePriceHasNoRateIsNotCalled) {
  models_ = {{"m", "CNY"}};
  const auto first = Start(1, [](auto* s) {
    s->set_default_model("m");
    s->set_cost_micros_max(2'000'000);
    s->set_cost_currency("USD");
  });
  EXPECT_TRUE(first.empty());
  const auto settles = Take<HostSettle>();
  ASSERT_EQ(settles.size(), 1u);
  EXPECT_EQ(settles[0].settle.rejection().message().rfind("the model m is priced in CNY", 0), 0u);
}

TEST_F(BudgetTest, APriceInAnotherCurrencyIsReservedInTheCeilings) {
  models_ = {{"m", "CNY"}};  // 4,000 tokens: 40,000 micros
  Start(9, [](auto* s) {
    s->set_default_model("m");
    s->set_cost_micros_max(11'000);
    s->set_cost_currency("USD");
    Rate("CNY", 8, s);
  });
  int64_t reserved = 0;
  for (const v1::Event& event : log_) reserved += event.attempt_started().reserved_micros();
  EXPECT_EQ(reserved, 10'000);
}

TEST_F(BudgetTest, ACallThatIsRefusedAsItsRunIsPausedIsRefusedLater) {
  // The executor serves another price for each model; one ceiling pauses the run, another refuses.
  models_ = {{"a", "USD"}, {"b", "CNY"}};
  prepare_ = [](v1::RunSubmitted* header) {
    header->mutable_settings()->set_cost_micros_max(1);
    header->mutable_settings()->set_cost_currency("USD");
  };
  SubmitRun(/*concurrency=*/4);
  Attach(5);
  std::vector<v1::script::Call> calls;
  for (const char* model : {"a", "b"}) {
    v1::AgentRequest request;
    request.set_prompt(model);
    request.set_model(model);
    v1::script::Call call;
    call.set_ordinal(calls.size() + 1);
    request.SerializeToString(call.mutable_request());
    calls.push_back(call);
  }
  Turn(1, 0, calls);
  EXPECT_EQ(run().state, v1::PAUSED);
  EXPECT_EQ(run().counts.queued, 2u);
  EXPECT_TRUE(Command(UnpauseRun{.run_id = "wf_test01", .owner = "me", .cost_micros_max = 1'000'000}).ok());
  EXPECT_EQ(Take<SendAssign>().size(), 1u);
  EXPECT_EQ(run().counts.failed, 1u);
}

TEST_F(BudgetTest, WhatWaitsForARetryIsCountedApart) {
  const auto first = Start(2, [](auto*) {});
  Fail(5, first.at(0).assign.token(), v1::RATE_LIMIT);
  EXPECT_EQ(summary_.nodes_queued(), 1u);
  EXPECT_EQ(summary_.nodes_backoff(), 1u);
  Pass(absl::Seconds(5));
  EXPECT_EQ(summary_.nodes_backoff(), 0u);
  EXPECT_EQ(summary_.nodes_running(), 2u);
}

}  // namespace
}  // namespace odw::core
