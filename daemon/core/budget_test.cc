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
  void AnswerFor(const SendAssign& send, int64_t micros) {
    ExecutorSaid said{.session = 5};
    v1::Result* result = said.message.mutable_result();
    result->set_token(send.assign.token());
    result->set_ok(true);
    result->mutable_usage()->set_output_tokens(7);
    result->mutable_usage()->set_cost_micros(micros);
    result->mutable_usage()->set_currency("EUR");
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
    s->set_concurrency(1);
  });
  AnswerFor(first.at(0), 1000);
  EXPECT_EQ(run().state, v1::PAUSED);
  Restart();
  Attach(6);
  EXPECT_EQ(run().state, v1::PAUSED);
  EXPECT_NE(run().paused_why.find("1000 of 1500 micros"), std::string::npos);
  EXPECT_TRUE(
      Command(UnpauseRun{.run_id = "wf_test01", .owner = "me", .cost_micros_max = 5000}).ok());
  EXPECT_EQ(Take<SendAssign>().size(), 1u);
}

TEST_F(BudgetTest, WhereMoneyIsLimitedAndNoPriceKnownTheFirstCallTells) {
  const auto first = Start(3, [](auto* s) { s->set_cost_micros_max(10000); });
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

}  // namespace
}  // namespace odw::core
