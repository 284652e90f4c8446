#include "daemon/core/engine_testing.h"

namespace odw::core {
namespace {

TEST_F(EngineTest, ARunGoesFromSubmitToItsResult) {
  SubmitRun();
  EXPECT_EQ(Take<Reply>().at(0).run_id, "wf_test01");
  const HostEpoch epoch = Take<HostStart>().at(0).epoch;
  Attach(5);
  Turn(epoch, 0, {AgentCall(1, "do it")});
  const auto assigns = Take<SendAssign>();
  ASSERT_EQ(assigns.size(), 1u);
  EXPECT_EQ(assigns[0].prompt.ref.inline_(), "do it");
  EXPECT_EQ(assigns[0].assign.request().runtime(), "mock");
  Answer(5, assigns[0].assign.token(), "done");
  EXPECT_EQ(Take<SendAck>().size(), 1u);
  const auto settles = Take<HostSettle>();
  ASSERT_EQ(settles.size(), 1u);
  EXPECT_EQ(settles[0].value.ref.inline_(), "done");
  Turn(epoch, 1, {}, "42");
  EXPECT_EQ(Take<RunEnded>().size(), 1u);
  EXPECT_EQ(log_.back().ended().state(), v1::COMPLETED);
}

TEST_F(EngineTest, TheRunsCapHoldsBackTheThird) {
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a"), AgentCall(2, "b"), AgentCall(3, "c")});
  const auto first = Take<SendAssign>();
  ASSERT_EQ(first.size(), 2u);
  Answer(5, first[0].assign.token(), "x");
  EXPECT_EQ(Take<SendAssign>().size(), 1u);
}

TEST_F(EngineTest, ARepeatedAnswerIsAcknowledgedAndSettlesNothingTwice) {
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a"), AgentCall(2, "b")});
  const std::string token = Take<SendAssign>().at(0).assign.token();
  Answer(5, token, "x");
  Answer(5, token, "x");
  EXPECT_EQ(Take<SendAck>().size(), 2u);
  EXPECT_EQ(Take<HostSettle>().size(), 1u);
}

TEST_F(EngineTest, ARestartAdoptsWhatTheExecutorStillHolds) {
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a"), AgentCall(2, "b")});
  const auto assigns = Take<SendAssign>();
  Restart();
  EXPECT_EQ(Take<HostStart>().size(), 1u);
  Attach(6, {{assigns[0].assign.token(), false}});  // the second never arrived
  const auto again = Take<SendAssign>();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].assign.node(), 2u);
  EXPECT_EQ(again[0].assign.attempt(), 2u);
  EXPECT_EQ(run().re_executed, 0u);  // same process: it had never begun
  Answer(6, assigns[0].assign.token(), "x");
  EXPECT_EQ(run().settlements.size(), 1u);
}

TEST_F(EngineTest, ReplayFeedsTheRecordedSettlementsAndTakesNoCallTwice) {
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a")});
  Answer(5, Take<SendAssign>().at(0).assign.token(), "x");
  Restart();
  const HostEpoch epoch = Take<HostStart>().at(0).epoch;
  EXPECT_EQ(Take<HostSettle>().size(), 1u);
  const size_t before = log_.size();
  Turn(epoch, 0, {AgentCall(1, "a")});
  EXPECT_EQ(log_.size(), before);
  Turn(epoch, 1, {}, "\"ok\"");
  EXPECT_EQ(log_.back().ended().state(), v1::COMPLETED);
}

TEST_F(EngineTest, AChangedCallInReplayNeedsAttention) {
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a")});
  Restart();
  Turn(Take<HostStart>().at(0).epoch, 0, {AgentCall(1, "another prompt")});
  EXPECT_EQ(log_.back().ended().state(), v1::NEEDS_ATTENTION);
}

TEST_F(EngineTest, ATransientFailureIsTriedAgainAndAFinalOneGivesNull) {
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a")});
  Fail(5, Take<SendAssign>().at(0).assign.token(), v1::NETWORK);
  EXPECT_TRUE(Take<SendAssign>().empty());
  now_ += absl::Seconds(60);
  Handle(Tick{});
  Fail(5, Take<SendAssign>().at(0).assign.token(), v1::AUTH);
  const auto settles = Take<HostSettle>();
  ASSERT_EQ(settles.size(), 1u);
  EXPECT_EQ(settles[0].settle.value_json(), "null");
  EXPECT_EQ(run().health, v1::DEGRADED);
  EXPECT_EQ(run().census[v1::AUTH], 1u);
}

TEST_F(EngineTest, AResultPastTheRunsLimitIsAFailureThatIsNotTriedAgain) {
  result_bytes_max_ = 5;
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a"), AgentCall(2, "b")});
  const auto assigns = Take<SendAssign>();
  Answer(5, assigns.at(0).assign.token(), "12345");
  Answer(5, assigns.at(1).assign.token(), "123456");
  EXPECT_EQ(run().counts.done, 1u);
  EXPECT_EQ(run().census[v1::OUTPUT_TOO_LARGE], 1u);
  EXPECT_EQ(run().usage.output_tokens(), 14u);
  EXPECT_TRUE(Take<SendAssign>().empty());
}

TEST_F(EngineTest, ALostHostsRepeatableNodeRunsAgainOnlyAfterTheGrace) {
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a")});
  const std::string token = Take<SendAssign>().at(0).assign.token();
  Handle(ExecutorDetached{.session = 5});
  now_ += absl::Seconds(9);
  Handle(Tick{});
  EXPECT_EQ(run().re_executed, 0u);
  now_ += absl::Seconds(2);
  Handle(Tick{});
  EXPECT_EQ(run().re_executed, 1u);
  Attach(7, {{token, true}});
  EXPECT_TRUE(Take<SendAssign>().empty());  // it came back with the task: no second attempt
  Answer(7, token, "late but valid");
  EXPECT_EQ(run().settlements.size(), 1u);
}

TEST_F(EngineTest, TheAgentCapRefusesByASettlement) {
  SubmitRun();
  std::vector<v1::script::Call> calls;
  for (uint64_t i = 1; i <= 11; ++i) calls.push_back(AgentCall(i, "p"));
  Turn(1, 0, calls);
  const auto settles = Take<HostSettle>();
  ASSERT_EQ(settles.size(), 1u);
  EXPECT_NE(settles[0].settle.rejection().message().find("cap reached (10)"), std::string::npos);
}

TEST_F(EngineTest, AScriptThatWaitsForNothingIsDeadlocked) {
  SubmitRun();
  Turn(1, 0, {});
  EXPECT_EQ(log_.back().ended().state(), v1::FAILED);
  EXPECT_NE(log_.back().ended().error().message().find("deadlocked"), std::string::npos);
}

TEST_F(EngineTest, StopEndsTheRunAtOnceAndCancelsWhatRuns) {
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a")});
  const std::string token = Take<SendAssign>().at(0).assign.token();
  Handle(StopRun{.request = 9, .run_id = "wf_test01", .owner = "me"});
  EXPECT_EQ(log_.back().ended().state(), v1::KILLED);
  EXPECT_EQ(Take<SendCancel>().at(0).token, token);
  Answer(5, token, "too late");
  EXPECT_TRUE(log_.back().has_late_usage());
  EXPECT_EQ(Take<SendAck>().size(), 1u);
}

TEST_F(EngineTest, AReplayThatMakesFewerCallsNeedsAttention) {
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a")});
  Answer(5, Take<SendAssign>().at(0).assign.token(), "x");
  Turn(1, 1, {TimerCall(2, 1e6)});
  Restart();
  const HostEpoch epoch = Take<HostStart>().at(0).epoch;
  Turn(epoch, 0, {AgentCall(1, "a")});
  EXPECT_FALSE(ended());
  Turn(epoch, 1, {});  // where it had started a timer
  ASSERT_TRUE(ended());
  EXPECT_EQ(end().state(), v1::NEEDS_ATTENTION);
}

TEST_F(EngineTest, AHostThatDiesWhileItWaitsIsNotTheScriptsFault) {
  SubmitRun();
  Attach(5);
  HostEpoch epoch = Take<HostStart>().at(0).epoch;
  Turn(epoch, 0, {AgentCall(1, "a")});
  const std::string token = Take<SendAssign>().at(0).assign.token();
  Handle(HostGone{.run_id = "wf_test01", .epoch = epoch});
  EXPECT_TRUE(Take<HostStart>().empty());  // nothing to tell it yet
  Answer(5, token, "x");
  epoch = Take<HostStart>().at(0).epoch;
  Turn(epoch, 0, {AgentCall(1, "a")});
  Turn(epoch, 1, {}, "\"ok\"");
  EXPECT_EQ(end().state(), v1::COMPLETED);
}

TEST_F(EngineTest, AHostThatDiesThreeTimesInATurnFailsItsRun) {
  SubmitRun();
  for (int deaths = 0; deaths < 3; ++deaths) {
    EXPECT_FALSE(ended());
    Handle(HostGone{.run_id = "wf_test01", .epoch = Take<HostStart>().at(0).epoch});
  }
  ASSERT_TRUE(ended());
  EXPECT_EQ(end().error().category(), v1::CRASHED);
}

TEST_F(EngineTest, AStopAfterTheReturnLeavesTheResult) {
  SubmitRun();
  Attach(5);
  Frame(1, 0, {AgentCall(1, "not awaited")});
  Turn(1, 0, {}, "42");
  EXPECT_FALSE(ended());
  Take<Reply>();
  Handle(StopRun{.request = 9, .run_id = "wf_test01", .owner = "me"});
  EXPECT_EQ(end().state(), v1::COMPLETED);
  EXPECT_EQ(Take<Reply>().at(0).status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Take<SendCancel>().size(), 1u);
}

TEST_F(EngineTest, NothingIsStartedOrFiresAfterTheReturn) {
  SubmitRun();
  Attach(5);
  Frame(1, 0, {AgentCall(1, "a"), AgentCall(2, "b"), TimerCall(3, 100)});
  Turn(1, 0, {}, "42");
  const auto assigns = Take<SendAssign>();
  ASSERT_EQ(assigns.size(), 2u);
  Lose(5, assigns[0].assign.token(), /*not_started=*/false);
  now_ += absl::Seconds(1);
  Handle(Tick{});
  EXPECT_TRUE(Take<SendAssign>().empty());
  EXPECT_TRUE(run().settlements.empty());
  Answer(5, assigns[1].assign.token(), "x");
  EXPECT_EQ(end().state(), v1::COMPLETED);
}

TEST_F(EngineTest, LeftoversAreNamedInCallOrder) {
  slots_ = 16;
  SubmitRun(/*concurrency=*/9);
  Attach(5);
  std::vector<v1::script::Call> calls;
  for (uint64_t i = 1; i <= 9; ++i) calls.push_back(AgentCall(i, std::to_string(i)));
  Frame(1, 0, calls);
  Turn(1, 0, {}, "42");
  Pass(absl::Seconds(3));
  bool named = false;
  for (const v1::Event& event : log_) {
    named |= event.line().text().find("cancelled: 1, 2, 3, 4, 5, 6, 7, 8, 9") != std::string::npos;
  }
  EXPECT_TRUE(named);
}

TEST_F(EngineTest, AnEndedRunWithUnstartedCallsIsForgotten) {
  SubmitRun();  // no executor: its call stays queued
  Turn(1, 0, {AgentCall(1, "a")}, "42");
  Handle(Tick{});
  EXPECT_TRUE(engine_->world().runs.empty());
}

TEST_F(EngineTest, TimersOfOneTimeFireInTheOrderOfTheirCalls) {
  SubmitRun();
  std::vector<v1::script::Call> timers;
  for (uint64_t i = 1; i <= 20; ++i) {
    v1::script::Call& timer = timers.emplace_back();
    timer.set_ordinal(i);
    timer.set_kind(v1::script::TIMER);
    timer.set_delay_ms(i % 2 == 0 ? 0 : -5);
  }
  Turn(1, 0, timers);
  now_ += absl::Seconds(1);
  Handle(Tick{});
  const auto settles = Take<HostSettle>();
  ASSERT_EQ(settles.size(), 20u);
  for (size_t i = 0; i < settles.size(); ++i) EXPECT_EQ(settles[i].settle.call(), i + 1);
}

TEST_F(EngineTest, AnotherBodyUnderTheSameKeyIsRefused) {
  for (int i = 0; i < 3; ++i) {
    Submit submit{.request = static_cast<RequestId>(i + 1), .source = "source"};
    submit.header.set_run_id(i == 0 ? "wf_test01" : "wf_other" + std::to_string(i));
    submit.header.set_owner("me");
    submit.header.set_idempotency_key("k");
    submit.header.set_body_sha256(i == 2 ? "other" : "body");
    Handle(std::move(submit));
  }
  const auto replies = Take<Reply>();
  ASSERT_EQ(replies.size(), 3u);
  EXPECT_FALSE(replies[0].existing);
  EXPECT_TRUE(replies[1].status.ok());
  EXPECT_EQ(replies[1].run_id, "wf_test01");
  EXPECT_EQ(replies[2].status.code(), absl::StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace odw::core
