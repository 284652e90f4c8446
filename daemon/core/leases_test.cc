// Executors that go, come back, die and say odd things: each of these was once got wrong.
#include "daemon/core/engine_testing.h"

namespace odw::core {
namespace {

class LeasesTest : public EngineTest {
 protected:
  // A run with one agent call under way at executor "ex", session 5. Returns its token.
  std::string StartOne() {
    SubmitRun();
    Attach(5);
    Turn(1, 0, {AgentCall(1, "a")});
    return Take<SendAssign>().at(0).assign.token();
  }
};

TEST_F(LeasesTest, AnAssignmentThatWasNeverStartedIsNoRepeat) {
  const std::string token = StartOne();
  Lose(5, token, /*not_started=*/true);
  EXPECT_EQ(run().re_executed, 0u);
  const std::string second = Take<SendAssign>().at(0).assign.token();
  Lose(5, second, /*not_started=*/false);
  EXPECT_EQ(run().re_executed, 1u);
}

TEST_F(LeasesTest, ALossIsAcknowledgedEachTimeAndCountedOnce) {
  const std::string token = StartOne();
  Lose(5, token, /*not_started=*/false);
  Lose(5, token, /*not_started=*/false);
  const std::vector<SendAck> acks = Take<SendAck>();
  ASSERT_EQ(acks.size(), 2u);
  EXPECT_EQ(acks[1].token, token);
  EXPECT_EQ(run().re_executed, 1u);
  EXPECT_EQ(Take<SendAssign>().size(), 1u);
}

TEST_F(LeasesTest, ACallThatLosesItsHostEachTimeWaitsLongerAndFailsInTheEnd) {
  Lose(5, StartOne(), /*not_started=*/false);
  for (int loss = 2; loss <= 3; ++loss) {
    const std::vector<SendAssign> again = Take<SendAssign>();
    ASSERT_EQ(again.size(), 1u) << loss;
    Lose(5, again[0].assign.token(), /*not_started=*/false);
  }
  int seconds = 0;
  for (int loss = 4; loss <= 8; ++loss) {
    Lose(5, Take<SendAssign>().at(0).assign.token(), /*not_started=*/false);
    EXPECT_TRUE(Take<SendAssign>().empty());
    for (; run().counts.failed == 0 && engine_->world().tokens.empty(); ++seconds) {
      Pass(absl::Seconds(1));
    }
  }
  EXPECT_EQ(seconds, 1 + 2 + 4 + 8);
  EXPECT_EQ(run().census[v1::HOST_LOST], 1u);
  EXPECT_NE(Warnings().find("lost with its host 8 times; the last: lost: "), std::string::npos);
}

TEST_F(LeasesTest, WhatASupervisedExecutorDoesNotHoldNeverBegan) {
  StartOne();
  supervised_ = true;
  Attach(6, {}, /*pid=*/2);
  EXPECT_EQ(Take<SendAssign>().size(), 1u);
  EXPECT_EQ(run().re_executed, 0u);
  supervised_ = false;
  Attach(7, {}, /*pid=*/3);
  EXPECT_EQ(Take<SendAssign>().size(), 1u);
  EXPECT_EQ(run().re_executed, 1u);
}

TEST_F(LeasesTest, AnUnknownTaskFillsItsExecutorsSlotUntilItEnds) {
  slots_ = 1;
  SubmitRun();
  Attach(5, {{"a task of a run that is forgotten", false}});
  EXPECT_EQ(Take<SendCancel>().size(), 1u);
  Turn(1, 0, {AgentCall(1, "a")});
  EXPECT_TRUE(Take<SendAssign>().empty());
  Fail(5, "a task of a run that is forgotten", v1::CANCELLED);
  EXPECT_EQ(Take<SendAck>().size(), 1u);
  EXPECT_EQ(Take<SendAssign>().size(), 1u);
}

TEST_F(LeasesTest, AnUnknownTaskThatIsNotHeldAnyMoreFreesItsSlot) {
  slots_ = 1;
  SubmitRun();
  Attach(5, {{"unknown", false}});
  Attach(6);
  Turn(1, 0, {AgentCall(1, "a")});
  EXPECT_EQ(Take<SendAssign>().size(), 1u);
}

TEST_F(LeasesTest, ATaskThatIgnoresItsCancelFillsItsSlotWhenTheRunIsForgotten) {
  slots_ = 1;
  const std::string token = StartOne();
  Handle(StopRun{.run_id = "wf_test01", .owner = "me"});
  Pass(absl::Seconds(62));
  EXPECT_TRUE(engine_->world().runs.empty());
  log_.clear();
  SubmitRun();
  Turn(2, 0, {AgentCall(1, "a")});
  Take<SendAssign>();
  EXPECT_EQ(engine_->world().executors.at("ex")->tokens.count(token), 1u);
}

TEST_F(LeasesTest, AStreamOfAnOlderSessionIsRefusedAlsoWhenTheNewerOneIsGone) {
  const std::string token = StartOne();
  Handle(ExecutorDetached{.session = 5});
  Take<SendWelcome>();
  Attach(4);  // its list was made before the assignment
  EXPECT_TRUE(Take<SendWelcome>().empty());
  EXPECT_EQ(Take<CloseSession>().size(), 1u);
  EXPECT_TRUE(Take<SendAssign>().empty());
  Attach(6, {{token, false}});
  EXPECT_EQ(run().counts.running, 1u);
}

TEST_F(LeasesTest, ATaskWhoseNodeHasSettledIsCancelledWhenItsExecutorReturns) {
  const std::string first = StartOne();
  Handle(ExecutorDetached{.session = 5});
  AttachAs("other", 6);
  Pass(absl::Seconds(11));
  Answer(6, Take<SendAssign>().at(0).assign.token(), "x");
  EXPECT_EQ(run().settlements.size(), 1u);
  Attach(7, {{first, false}});
  const auto cancels = Take<SendCancel>();
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].token, first);
}

TEST_F(LeasesTest, TheUsageOfALateResultCountsOnce) {
  const std::string first = StartOne();
  Handle(ExecutorDetached{.session = 5});
  AttachAs("other", 6);
  Pass(absl::Seconds(11));
  Answer(6, Take<SendAssign>().at(0).assign.token(), "x");
  EXPECT_EQ(run().usage.output_tokens(), 7u);
  Attach(7, {{first, true}});
  Answer(7, first, "too late");
  EXPECT_EQ(run().usage.output_tokens(), 14u);
  Answer(7, first, "offered again");
  EXPECT_EQ(run().usage.output_tokens(), 14u);
  EXPECT_EQ(run().settlements.size(), 1u);
}

TEST_F(LeasesTest, AFailureThatIsOfferedAgainAfterARestartIsNotChargedAgain) {
  const std::string token = StartOne();
  Fail(5, token, v1::NETWORK);
  Restart();
  Attach(6, {{token, true}});  // its ack was lost
  Fail(6, token, v1::NETWORK);
  EXPECT_EQ(Take<SendAck>().size(), 1u);
  EXPECT_EQ(run().usage.output_tokens(), 7u);
}

TEST_F(LeasesTest, ARestartStillCountsWhatTheLoserOfARaceUses) {
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a"), AgentCall(2, "b")});
  const std::string first = Take<SendAssign>().at(0).assign.token();
  Handle(ExecutorDetached{.session = 5});
  AttachAs("other", 6);
  Pass(absl::Seconds(11));
  std::string second;
  for (const SendAssign& send : Take<SendAssign>()) {
    if (send.assign.node() == 1) second = send.assign.token();
  }
  Attach(7, {{first, false}});  // both are at it now
  Answer(6, second, "x");
  Restart();
  Attach(8, {{first, false}});
  EXPECT_EQ(Take<SendCancel>().size(), 1u);
  Fail(8, first, v1::CANCELLED);
  EXPECT_EQ(run().usage.output_tokens(), 14u);
}

TEST_F(LeasesTest, ALeaseThatEndsTheRunLeavesNoTokenBehind) {
  SubmitRun();
  Attach(5);
  Frame(1, 0, {AgentCall(1, "not awaited")});
  Turn(1, 0, {}, "42");
  const std::string token = Take<SendAssign>().at(0).assign.token();
  Handle(ExecutorDetached{.session = 5});
  now_ += absl::Seconds(1);  // inside the return's grace
  engine_->Handle(now_, Tick{});
  now_ += absl::Seconds(60);
  Handle(Tick{});
  Handle(Tick{});
  EXPECT_TRUE(engine_->world().runs.empty());
  EXPECT_TRUE(engine_->world().tokens.empty());
  EXPECT_TRUE(engine_->world().executors.empty());
  Attach(6, {{token, false}});  // and its return finds nobody
  EXPECT_EQ(Take<SendCancel>().size(), 1u);
}

TEST_F(LeasesTest, ABlockedAttemptIsNotWaitedForOnceItsRunIsStopped) {
  runtime_ = "codex";  // may have side effects
  StartOne();
  Handle(ExecutorDetached{.session = 5});
  Pass(absl::Seconds(20));
  EXPECT_EQ(run().counts.blocked, 1u);
  EXPECT_EQ(summary_.waiting_for(0), "blocked: host lost");
  Handle(StopRun{.run_id = "wf_test01", .owner = "me"});
  Pass(absl::Seconds(2));
  EXPECT_TRUE(engine_->world().executors.empty());
  EXPECT_TRUE(engine_->world().runs.empty());
}

TEST_F(LeasesTest, AnExecutorThatDrainsServesNobody) {
  SubmitRun();
  Attach(5);
  ExecutorSaid draining{.session = 5};
  draining.message.mutable_draining();
  Handle(std::move(draining));
  Turn(1, 0, {AgentCall(1, "a")});
  EXPECT_TRUE(Take<SendAssign>().empty());
  ASSERT_EQ(summary_.waiting_for_size(), 1);
  EXPECT_EQ(summary_.waiting_for(0), "blocked: no executor for mock");
}

}  // namespace
}  // namespace odw::core
