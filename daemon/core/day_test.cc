// The daemon's ceilings for a day: who waits, who is paused, when it goes on, what a restart knows.
#include "daemon/core/day.h"

#include "daemon/core/engine_testing.h"

namespace odw::core {
namespace {

class DayTest : public EngineTest {
 protected:
  // A run of this daemon with so many calls made at once. An answer uses 7 output tokens.
  std::vector<SendAssign> Start(uint64_t calls, const std::function<void(DayCeilings*)>& ceilings) {
    ceilings(&settings_.day);
    engine_ = std::make_unique<Engine>(settings_);
    SubmitRun(/*concurrency=*/8);
    Attach(5);
    std::vector<v1::script::Call> made;
    for (uint64_t i = 1; i <= calls; ++i) made.push_back(AgentCall(i, std::to_string(i)));
    Turn(1, 0, made);
    return Take<SendAssign>();
  }
  void Answer1(const SendAssign& send) { Answer(5, send.assign.token(), "x"); }
  absl::Time Midnight() { return absl::FromUnixSeconds(24 * 3600); }
};

TEST_F(DayTest, SixteenInFlightHoldNoMoreThanTheDay) {
  const auto first = Start(9, [](auto* day) { day->tokens_max = 17000; });
  EXPECT_EQ(first.size(), 4u);  // 4,000 each
  Answer1(first[0]);            // calls use 7, it has turned out
  EXPECT_EQ(Take<SendAssign>().size(), 5u);
}

TEST_F(DayTest, TheLastCallOfTheDayIsCutShort) {
  const auto first = Start(1, [](auto* day) { day->tokens_max = 50; });
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].assign.request().output_tokens_max(), 50u);
}

TEST_F(DayTest, AtTheCeilingTheRunIsPausedUntilTheDayEnds) {
  const auto first = Start(2, [](auto* day) { day->tokens_max = 7; });
  Answer1(first.at(0));
  EXPECT_EQ(summary_.state(), v1::PAUSED);
  EXPECT_EQ(summary_.waiting_for(0),
            "paused: day ceiling: 7 of 7 tokens used today (UTC); goes on at 00:00 UTC, or raise "
            "budget.day_tokens_max of odwd and unpause");
  EXPECT_EQ(run().paused_until_ms, absl::ToUnixMillis(Midnight()));
  now_ = Midnight() - absl::Milliseconds(1);
  Handle(Tick{});
  EXPECT_EQ(run().state, v1::PAUSED);
  now_ = Midnight();
  EXPECT_LE(engine_->NextWake(), now_);
  Handle(Tick{});
  EXPECT_EQ(run().state, v1::RUNNING);
  EXPECT_EQ(Take<SendAssign>().size(), 1u);
}

TEST_F(DayTest, ARestartRemembersWhatWasUsedAndWhenItGoesOn) {
  const auto first = Start(2, [](auto* day) { day->tokens_max = 7; });
  Answer1(first.at(0));
  Restart();
  Attach(6);
  EXPECT_TRUE(Unpause().ok());
  EXPECT_EQ(run().state, v1::PAUSED);  // paused again
  Restart();
  now_ = Midnight();
  Handle(Tick{});
  EXPECT_EQ(run().state, v1::RUNNING);
}

TEST_F(DayTest, ARaisedCeilingLetsItGoOn) {
  const auto first = Start(2, [](auto* day) { day->tokens_max = 7; });
  Answer1(first.at(0));
  settings_.day.tokens_max = 100;
  Restart();
  Attach(6);
  EXPECT_EQ(run().state, v1::PAUSED);
  EXPECT_TRUE(Unpause().ok());
  EXPECT_EQ(Take<SendAssign>().size(), 1u);
}

TEST_F(DayTest, MoneyOfEveryCurrencyCounts) {
  const auto first = Start(2, [](auto* day) {
    day->cost_micros_max = 2'000'000;
    v1::ExchangeRate* rate = day->exchange.Add();
    rate->set_currency("CNY");
    rate->set_per_usd(8);
  });
  ExecutorSaid said{.session = 5};
  v1::Result* result = said.message.mutable_result();
  result->set_token(first.at(0).assign.token());
  result->set_ok(true);
  result->mutable_usage()->set_output_tokens(7);
  result->mutable_usage()->set_cost_micros(16'000'000);
  result->mutable_usage()->set_currency("CNY");
  Handle(said);
  EXPECT_EQ(summary_.state(), v1::RUNNING);  // the other is still in flight
  result->set_token(first.at(1).assign.token());
  Handle(said);
  Turn(1, 1, {});
  Turn(1, 2, {AgentCall(3, "three")});
  EXPECT_EQ(summary_.state(), v1::PAUSED);
  EXPECT_NE(run().paused_why.find("day ceiling: 4 of 2 USD spent today (UTC)"), std::string::npos)
      << run().paused_why;
  EXPECT_EQ(summary_.day_usage().cost_micros(), 32'000'000);
}

TEST_F(DayTest, AModelWhosePriceHasNoRateIsNotCalled) {
  models_ = {{"", "CNY"}};
  const auto first = Start(1, [](auto* day) { day->cost_micros_max = 2'000'000; });
  EXPECT_TRUE(first.empty());
  const auto settles = Take<HostSettle>();
  ASSERT_EQ(settles.size(), 1u);
  EXPECT_EQ(settles[0].settle.rejection().code(), "budget");
}

TEST_F(DayTest, UsageOfEndedRunsCountsAfterARestart) {
  settings_.day.tokens_max = 7;
  engine_ = std::make_unique<Engine>(settings_);
  v1::Usage used;
  used.set_input_tokens(7);
  engine_->ChargeDay(0, used);
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "one")});
  EXPECT_EQ(summary_.state(), v1::PAUSED);
}

TEST_F(DayTest, WhatOneRunHoldsIsWaitedForByAnother) {
  const auto first = Start(1, [](auto* day) { day->tokens_max = 4000; });
  prepare_ = [](v1::RunSubmitted* header) { header->set_run_id("wf_test02"); };
  Submit submit{.request = 2, .source = "source"};
  submit.header = run().header;
  submit.header.set_run_id("wf_test02");
  engine_->Handle(now_, std::move(submit));
  HostTurn turn{.run_id = "wf_test02", .epoch = 2};
  *turn.turn.add_calls() = AgentCall(1, "one");
  engine_->Handle(now_, std::move(turn));
  engine_->TakeEffects();
  const core::Run& second = *engine_->world().runs.at("wf_test02");
  EXPECT_EQ(second.state, v1::RUNNING);
  EXPECT_EQ(second.counts.queued, 1u);
  ExecutorSaid said{.session = 5};
  said.message.mutable_result()->set_token(first.at(0).assign.token());
  said.message.mutable_result()->set_ok(true);
  engine_->Handle(now_, std::move(said));
  EXPECT_EQ(second.counts.running, 1u);
}

}  // namespace
}  // namespace odw::core
