// Pause, unpause, skip, restart: each race of a command and an answer, in both orders.
#include "daemon/core/engine_testing.h"

namespace odw::core {
namespace {

class ControlsTest : public EngineTest {
 protected:
  // A run with so many agent calls; the tokens of those that were assigned.
  std::vector<std::string> StartCalls(uint64_t calls, uint32_t concurrency = 8) {
    SubmitRun(concurrency);
    Attach(5);
    std::vector<v1::script::Call> made;
    for (uint64_t i = 1; i <= calls; ++i) made.push_back(AgentCall(i, "p" + std::to_string(i)));
    Turn(1, 0, made);
    return Tokens();
  }
  std::vector<std::string> Tokens() {
    std::vector<std::string> tokens;
    for (const SendAssign& send : Take<SendAssign>()) tokens.push_back(send.assign.token());
    return tokens;
  }
  // The nodes that the script was told of, in order.
  std::vector<uint64_t> Told() {
    std::vector<uint64_t> nodes;
    for (const HostSettle& settle : Take<HostSettle>()) nodes.push_back(settle.settle.call());
    return nodes;
  }
};

using Nodes = std::vector<uint64_t>;

TEST_F(ControlsTest, APausedRunStartsNothingAndGoesOnWhenUnpaused) {
  StartCalls(3, /*concurrency=*/1);
  EXPECT_TRUE(Pause().ok());
  EXPECT_EQ(summary_.state(), v1::PAUSED);
  EXPECT_EQ(summary_.waiting_for(0), "paused: asked");
  Answer(5, run().node(1).attempts[0].token, "x");
  EXPECT_TRUE(Tokens().empty());
  EXPECT_TRUE(Unpause().ok());
  EXPECT_EQ(Tokens().size(), 1u);
  EXPECT_EQ(summary_.state(), v1::RUNNING);
}

TEST_F(ControlsTest, AnswersOfAPausedRunSettleWhenItGoesOnInTheOrderInWhichTheyEnded) {
  const auto tokens = StartCalls(3);
  Pause();
  Answer(5, tokens[2], "c");
  Fail(5, tokens[0], v1::AUTH);
  EXPECT_EQ(Take<SendAck>().size(), 2u);
  EXPECT_TRUE(Told().empty());
  EXPECT_TRUE(run().settlements.empty());
  EXPECT_EQ(run().usage.output_tokens(), 14u);
  Unpause();
  EXPECT_EQ(Told(), (Nodes{3, 1}));
  EXPECT_EQ(run().counts.done, 1u);
  EXPECT_EQ(run().counts.failed, 1u);
}

TEST_F(ControlsTest, WhatIsHeldSurvivesARestartOfTheDaemon) {
  const auto tokens = StartCalls(2);
  Pause();
  Answer(5, tokens[1], "b");
  Answer(5, tokens[0], "a");
  Restart();
  EXPECT_TRUE(Take<HostStart>().empty());  // nothing to tell it
  Attach(6);
  EXPECT_TRUE(Tokens().empty());
  EXPECT_EQ(run().state, v1::PAUSED);
  Unpause();
  EXPECT_EQ(Take<HostStart>().size(), 1u);
  EXPECT_EQ(Told(), (Nodes{2, 1}));
}

TEST_F(ControlsTest, TimersHoldAndFireInDueOrder) {
  SubmitRun();
  Turn(1, 0, {TimerCall(1, 3000), TimerCall(2, 1000), TimerCall(3, 60000)});
  Pause();
  Pass(absl::Seconds(5));
  EXPECT_TRUE(Told().empty());
  Restart();
  Pass(absl::Seconds(1));
  EXPECT_TRUE(Told().empty());
  Unpause();
  Pass(absl::Seconds(1));
  EXPECT_EQ(Told(), (Nodes{2, 1}));
  Pass(absl::Seconds(60));
  EXPECT_EQ(Told(), (Nodes{3}));
}

TEST_F(ControlsTest, AFailureWhilePausedIsTriedAgainOnlyWhenTheRunGoesOn) {
  const auto tokens = StartCalls(1);
  Pause();
  Fail(5, tokens[0], v1::NETWORK);
  Pass(absl::Seconds(60));
  EXPECT_TRUE(Tokens().empty());
  Unpause();
  EXPECT_EQ(Tokens().size(), 1u);
}

TEST_F(ControlsTest, APausedRunCanBeStopped) {
  const auto tokens = StartCalls(2);
  Pause();
  Answer(5, tokens[0], "x");
  EXPECT_TRUE(Stop().ok());
  EXPECT_EQ(end().state(), v1::KILLED);
  EXPECT_EQ(summary_.nodes_cancelled(), 2u);
  EXPECT_FALSE(Unpause().ok());
}

TEST_F(ControlsTest, ATurnUnderWayAtThePauseMayEndTheRun) {
  SubmitRun();
  Pause();
  Turn(1, 0, {}, "42");
  EXPECT_EQ(end().state(), v1::COMPLETED);
}

TEST_F(ControlsTest, ARunThatWaitsForAHostWaitsForNoneWhilePaused) {
  const auto tokens = StartCalls(1);
  const HostEpoch epoch = Take<HostStart>().at(0).epoch;
  Handle(HostGone{.run_id = "wf_test01", .epoch = epoch});
  Pause();
  Answer(5, tokens[0], "x");
  EXPECT_TRUE(Take<HostStart>().empty());
  Unpause();
  EXPECT_EQ(Take<HostStart>().size(), 1u);
  EXPECT_EQ(Told(), (Nodes{1}));
}

TEST_F(ControlsTest, ARunThatWentOnWithNothingNewStillGivesItsHostToAnother) {
  engine_ = std::make_unique<Engine>(Settings{.script_hosts_max = 1});
  StartCalls(1);
  Pause();
  Unpause();
  Submit other{.source = "other"};
  other.header.set_run_id("wf_other1");
  engine_->Handle(now_ + absl::Seconds(1), std::move(other));
  size_t started = 0;
  for (const Effect& effect : engine_->TakeEffects()) started += std::holds_alternative<HostStart>(effect);
  EXPECT_EQ(started, 1u);
}

TEST_F(ControlsTest, PausingAPausedRunAndUnpausingARunningOneAreRefused) {
  StartCalls(1);
  EXPECT_EQ(Unpause().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Pause().ok());
  EXPECT_EQ(Pause().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Command(PauseRun{.run_id = "wf_test01", .owner = "you"}).code(),
            absl::StatusCode::kNotFound);
}

TEST_F(ControlsTest, ASkippedCallGivesNullWhateverItWaitedFor) {
  const auto tokens = StartCalls(3, /*concurrency=*/2);
  Fail(5, tokens[1], v1::NETWORK);  // n2 backs off, n3 takes its place
  Tokens();
  for (const uint64_t node : {1, 2, 3}) EXPECT_TRUE(Skip(node).ok()) << node;
  const auto settles = Take<HostSettle>();
  ASSERT_EQ(settles.size(), 3u);
  EXPECT_EQ(settles[0].settle.value_json(), "null");
  EXPECT_EQ(Take<SendCancel>().size(), 2u);
  EXPECT_EQ(run().counts.skipped, 3u);
  EXPECT_EQ(run().health, v1::OK);
  Answer(5, tokens[0], "too late");
  EXPECT_EQ(run().settlements.size(), 3u);
  EXPECT_EQ(run().usage.output_tokens(), 14u);
}

TEST_F(ControlsTest, AnAnswerBeforeASkipStands) {
  const auto tokens = StartCalls(1);
  Answer(5, tokens[0], "x");
  EXPECT_EQ(Skip(1).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(RestartCall(1).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(ControlsTest, AHeldAnswerStandsAgainstSkipAndRestart) {
  const auto tokens = StartCalls(1);
  Pause();
  Answer(5, tokens[0], "x");
  EXPECT_EQ(Skip(1).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(RestartCall(1).code(), absl::StatusCode::kFailedPrecondition);
  Unpause();
  EXPECT_EQ(Take<HostSettle>().at(0).value.ref.inline_(), "x");
}

TEST_F(ControlsTest, ASkipOfAPausedRunIsDeliveredWhenItGoesOn) {
  const auto tokens = StartCalls(2);
  Pause();
  Answer(5, tokens[1], "x");
  EXPECT_TRUE(Skip(1).ok());
  EXPECT_EQ(run().counts.skipped, 1u);
  EXPECT_TRUE(Told().empty());
  Unpause();
  EXPECT_EQ(Told(), (Nodes{1, 2}));
}

TEST_F(ControlsTest, OnlyAnAgentCallCanBeSkippedOrRestarted) {
  SubmitRun();
  Turn(1, 0, {TimerCall(1, 1000)});
  EXPECT_EQ(Skip(1).code(), absl::StatusCode::kNotFound);
  EXPECT_NE(MessageOf(RestartCall(1).status).find("n1 of run wf_test01 is a timer"), std::string::npos);
  EXPECT_NE(MessageOf(Skip(2).status).find("has no node n2"), std::string::npos);
}

TEST_F(ControlsTest, ARestartDiscardsWhatTheEarlierAttemptAnswersAndCountsItsUsage) {
  const auto first = StartCalls(1);
  EXPECT_TRUE(RestartCall(1).ok());
  EXPECT_EQ(Take<SendCancel>().at(0).token, first[0]);
  const auto second = Tokens();
  ASSERT_EQ(second.size(), 1u);
  Answer(5, first[0], "old");
  EXPECT_TRUE(Told().empty());
  EXPECT_EQ(run().usage.output_tokens(), 7u);
  Answer(5, second[0], "new");
  EXPECT_EQ(Take<HostSettle>().at(0).value.ref.inline_(), "new");
  EXPECT_EQ(run().budget_spent, 14);
}

TEST_F(ControlsTest, ARestartIsRememberedByTheNextDaemon) {
  const auto first = StartCalls(1);
  RestartCall(1);
  const auto second = Tokens();
  Restart();
  Attach(6, {{first[0], true}, {second[0], false}});
  EXPECT_TRUE(Tokens().empty());
  Answer(6, first[0], "old");
  EXPECT_TRUE(run().settlements.empty());
  Answer(6, second[0], "new");
  EXPECT_EQ(run().settlements.size(), 1u);
}

TEST_F(ControlsTest, ARestartEndsABackoff) {
  const auto first = StartCalls(1);
  Fail(5, first[0], v1::OVERLOADED);
  EXPECT_TRUE(Tokens().empty());
  RestartCall(1);
  EXPECT_EQ(Tokens().size(), 1u);
}

TEST_F(ControlsTest, ARestartFreesANodeThatIsBlocked) {
  runtime_ = "codex";  // may have side effects
  const auto first = StartCalls(1, /*concurrency=*/1);
  Handle(ExecutorDetached{.session = 5});
  Pass(absl::Seconds(12));
  EXPECT_EQ(run().counts.blocked, 1u);
  AttachAs("other", 6);
  EXPECT_TRUE(RestartCall(1).ok());
  Pass(absl::Seconds(1));  // its lost attempt fills the run's cap no more
  const auto second = Tokens();
  ASSERT_EQ(second.size(), 1u);
  Attach(7, {{first[0], true}});  // the lost host comes back, with a result
  Answer(7, first[0], "old");
  EXPECT_TRUE(run().settlements.empty());
  EXPECT_EQ(run().usage.output_tokens(), 7u);
  Answer(6, second[0], "new");
  EXPECT_EQ(run().settlements.size(), 1u);
}

TEST_F(ControlsTest, ASkipFreesWhatABlockedNodeHeld) {
  runtime_ = "codex";
  StartCalls(2, /*concurrency=*/1);
  Handle(ExecutorDetached{.session = 5});
  Pass(absl::Seconds(12));
  AttachAs("other", 6);
  EXPECT_TRUE(Tokens().empty());
  Skip(1);
  Pass(absl::Seconds(1));
  EXPECT_EQ(Tokens().size(), 1u);
}

TEST_F(ControlsTest, ALossOfAFencedAttemptIsNoRepeat) {
  const auto first = StartCalls(1);
  RestartCall(1);
  Tokens();
  Lose(5, first[0], /*not_started=*/false);
  EXPECT_EQ(run().re_executed, 0u);
  EXPECT_TRUE(Tokens().empty());
  EXPECT_EQ(run().live.running, 1u);
}

TEST_F(ControlsTest, ARestartGivesTheCallItsTriesBack) {
  StartCalls(1);
  for (int i = 0; i < 4; ++i) {
    Fail(5, run().node(1).attempts.back().token, v1::NETWORK);
    Pass(absl::Seconds(31));
  }
  EXPECT_EQ(run().node(1).tries_failed, 4u);
  RestartCall(1);
  EXPECT_EQ(run().node(1).tries_failed, 0u);
}

}  // namespace
}  // namespace odw::core
