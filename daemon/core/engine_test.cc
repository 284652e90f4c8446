#include "daemon/core/engine.h"

#include <gtest/gtest.h>

namespace odw::core {
namespace {

// Drives an engine by hand and remembers what it appended, so that a second engine can be restored.
class EngineTest : public testing::Test {
 protected:
  void Handle(Input input) {
    engine_->Handle(now_, std::move(input));
    for (Effect& effect : engine_->TakeEffects()) {
      if (auto* append = std::get_if<Append>(&effect)) {
        v1::Event event;
        ASSERT_TRUE(event.ParseFromString(append->bytes));
        ASSERT_EQ(append->seq, log_.size() + 1);
        log_.push_back(event);
      } else {
        effects_.push_back(std::move(effect));
      }
    }
    engine_->TakeSummaries();
  }

  template <typename T>
  std::vector<T> Take() {
    std::vector<T> taken;
    for (Effect& effect : effects_) {
      if (auto* e = std::get_if<T>(&effect)) taken.push_back(*e);
    }
    std::erase_if(effects_, [](const Effect& e) { return std::holds_alternative<T>(e); });
    return taken;
  }

  void SubmitRun() {
    Submit submit{.request = 1, .source = "source"};
    submit.header.set_run_id("wf_test01");
    submit.header.set_owner("me");
    submit.header.set_dialect(v1::BUILTIN);
    v1::RunSettings* settings = submit.header.mutable_settings();
    settings->set_concurrency(2);
    settings->set_agents_max(10);
    settings->set_default_runtime("mock");
    settings->set_call_refusals_max(10);
    settings->set_return_grace_ms(2000);
    Handle(std::move(submit));
  }

  void Attach(SessionId session, std::vector<std::pair<std::string, bool>> held = {}, uint32_t pid = 1) {
    ExecutorAttached attached{.session = session};
    attached.info.set_executor_id("ex");
    attached.info.set_session_epoch(session);
    attached.info.set_runtime("mock");
    attached.info.set_slots(8);
    attached.info.set_pid(pid);
    for (auto& [token, finished] : held) {
      v1::Held* task = attached.info.add_held();
      task->set_token(token);
      task->set_finished(finished);
    }
    Handle(std::move(attached));
  }

  v1::script::Call AgentCall(uint64_t ordinal, const std::string& prompt) {
    v1::AgentRequest request;
    request.set_prompt(prompt);
    v1::script::Call call;
    call.set_ordinal(ordinal);
    request.SerializeToString(call.mutable_request());
    return call;
  }

  void Turn(HostEpoch epoch, uint64_t seq, std::vector<v1::script::Call> calls,
            const std::string& returned = "") {
    HostTurn turn{.run_id = "wf_test01", .epoch = epoch};
    turn.turn.set_seq(seq);
    for (auto& call : calls) *turn.turn.add_calls() = call;
    if (!returned.empty()) turn.turn.mutable_returned()->set_value_json(returned);
    Handle(std::move(turn));
  }

  void Answer(SessionId session, const std::string& token, const std::string& value) {
    ExecutorSaid said{.session = session};
    v1::Result* result = said.message.mutable_result();
    result->set_token(token);
    result->set_ok(true);
    result->set_value(value);
    Handle(std::move(said));
  }

  void Fail(SessionId session, const std::string& token, v1::ErrorCategory category) {
    ExecutorSaid said{.session = session};
    v1::Result* result = said.message.mutable_result();
    result->set_token(token);
    result->mutable_error()->set_category(category);
    result->mutable_error()->set_message("no luck");
    Handle(std::move(said));
  }

  void Restart() {
    engine_ = std::make_unique<Engine>(Settings{});
    effects_.clear();
    for (const v1::Event& event : log_) ASSERT_TRUE(engine_->Restore("wf_test01", event).ok());
    engine_->FinishRecovery(now_);
    for (Effect& effect : engine_->TakeEffects()) effects_.push_back(std::move(effect));
  }

  const core::Run& run() { return *engine_->world().runs.at("wf_test01"); }

  std::unique_ptr<Engine> engine_ = std::make_unique<Engine>(Settings{});
  absl::Time now_ = absl::FromUnixSeconds(1000);
  std::vector<v1::Event> log_;
  std::vector<Effect> effects_;
};

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
