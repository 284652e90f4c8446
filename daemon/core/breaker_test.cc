#include "daemon/core/breaker.h"

#include "daemon/core/engine_testing.h"

namespace odw::core {
namespace {

v1::Register Kimi(const std::string& key_id = "aa11") {
  v1::Register info;
  info.set_runtime("bamboo");
  info.add_credentials()->set_provider("kimi");
  info.mutable_credentials(0)->set_key_id(key_id);
  return info;
}

v1::Error ErrorOf(v1::ErrorCategory category) {
  v1::Error error;
  error.set_category(category);
  error.set_message("no luck");
  return error;
}

class BreakersTest : public testing::Test {
 protected:
  void FailNext(v1::ErrorCategory category) {
    const std::string token = "t" + std::to_string(++count_);
    breakers_.Start(kimi_, token);
    breakers_.Failed(token, ErrorOf(category), now_);
    breakers_.Release(token);
  }
  void OpenIt() {
    for (int i = 0; i < 5; ++i) FailNext(v1::NETWORK);
  }

  Breakers breakers_;
  const std::string kimi_ = Breakers::NameOf(Kimi(), "kimi");
  absl::Time now_ = absl::FromUnixSeconds(1000);
  int count_ = 0;
};

TEST_F(BreakersTest, FiveFailuresInARowOpenIt) {
  for (int i = 0; i < 4; ++i) FailNext(v1::AUTH);
  EXPECT_TRUE(breakers_.Admits(kimi_, now_));
  FailNext(v1::AUTH);
  EXPECT_FALSE(breakers_.Admits(kimi_, now_));
  ASSERT_TRUE(breakers_.ShutAt(kimi_, now_));
  EXPECT_EQ(breakers_.ShutAt(kimi_, now_)->error.message(),
            "not sent: the last 5 calls failed with auth: no luck");
  EXPECT_EQ(breakers_.ShutAt(kimi_, now_)->error.retry_after_ms(), 2000u);
}

TEST_F(BreakersTest, AnAnswerBetweenThemBeginsTheCountAnew) {
  for (const v1::ErrorCategory answer : {v1::REFUSED, v1::RATE_LIMIT, v1::CONTEXT_LENGTH}) {
    for (int i = 0; i < 4; ++i) FailNext(v1::NETWORK);
    FailNext(answer);
  }
  for (int i = 0; i < 4; ++i) FailNext(v1::NETWORK);
  EXPECT_TRUE(breakers_.Admits(kimi_, now_));
}

TEST_F(BreakersTest, WhatSaysNothingOfTheProviderDoesNotCount) {
  for (int i = 0; i < 20; ++i) FailNext(v1::CRASHED);
  EXPECT_FALSE(breakers_.any_open());
}

TEST_F(BreakersTest, AnotherKeyIsAnotherCircuit) {
  OpenIt();
  EXPECT_TRUE(breakers_.Admits(Breakers::NameOf(Kimi("bb22"), "kimi"), now_));
  EXPECT_EQ(Breakers::NameOf(Kimi(), ""), kimi_);  // whose only provider that is
  const std::vector<Breakers::Open> open = breakers_.AllOpen(now_);
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(open[0].runtime + " " + open[0].provider + " " + open[0].key_id, "bamboo kimi aa11");
}

TEST_F(BreakersTest, AfterItsTimeOneAttemptTriesAndTheOthersWait) {
  OpenIt();
  now_ += absl::Seconds(2);
  EXPECT_FALSE(breakers_.ShutAt(kimi_, now_));
  ASSERT_TRUE(breakers_.Admits(kimi_, now_));
  breakers_.Start(kimi_, "probe");
  EXPECT_FALSE(breakers_.Admits(kimi_, now_));
  breakers_.Succeeded("probe");
  EXPECT_TRUE(breakers_.Admits(kimi_, now_));
  EXPECT_FALSE(breakers_.any_open());
}

TEST_F(BreakersTest, AFailedTryDoublesItsTimeUpToAMinute) {
  OpenIt();
  absl::Duration hold;
  for (const int expected : {4, 8, 16, 32, 60, 60}) {
    now_ = breakers_.AllOpen(now_)[0].retry_at;
    FailNext(v1::NETWORK);
    hold = breakers_.AllOpen(now_)[0].retry_at - now_;
    EXPECT_EQ(hold, absl::Seconds(expected));
  }
}

TEST_F(BreakersTest, ATryThatVanishesMakesRoomForAnother) {
  OpenIt();
  now_ += absl::Seconds(2);
  breakers_.Start(kimi_, "probe");
  breakers_.Release("probe");
  EXPECT_TRUE(breakers_.Admits(kimi_, now_));
}

TEST_F(BreakersTest, WhatBeganBeforeItOpenedSaysNothingOfNow) {
  for (int i = 0; i < 16; ++i) breakers_.Start(kimi_, "old" + std::to_string(i));
  for (int i = 0; i < 15; ++i) breakers_.Failed("old" + std::to_string(i), ErrorOf(v1::AUTH), now_);
  EXPECT_EQ(breakers_.AllOpen(now_)[0].retry_at, now_ + absl::Seconds(2));  // once, not eleven times
  breakers_.Succeeded("old15");
  EXPECT_TRUE(breakers_.any_open());
}

// ---- In the engine

class BreakerTest : public EngineTest {
 protected:
  static constexpr uint64_t kCalls = 20;

  void SetUp() override {
    runtime_ = "bamboo";
    slots_ = 5;
    prepare_ = [](v1::RunSubmitted* header) { header->mutable_settings()->set_agents_max(kCalls); };
    SubmitRun(/*concurrency=*/5);
    Attach(5);
    std::vector<v1::script::Call> calls;
    for (uint64_t i = 1; i <= kCalls; ++i) calls.push_back(AgentCall(i, "p" + std::to_string(i)));
    Turn(1, 0, calls);
  }
  // Until nothing more is sent: five that fail make room for four before the breaker opens. How many.
  size_t FailAll(v1::ErrorCategory category) {
    size_t count = 0;
    for (auto sent = Take<SendAssign>(); !sent.empty(); sent = Take<SendAssign>()) {
      for (const SendAssign& one : sent) Fail(5, one.assign.token(), category);
      count += sent.size();
    }
    return count;
  }
  size_t Failed() { return run().counts.failed; }
};

TEST_F(BreakerTest, CallsThatWaitForARefusedKeyFailWithoutBeingSent) {
  EXPECT_EQ(FailAll(v1::AUTH), 9u);
  EXPECT_EQ(Failed(), kCalls);
  EXPECT_EQ(run().census[v1::AUTH], kCalls);
  EXPECT_EQ(run().node(kCalls).attempts_started, 0u);
  EXPECT_NE(Warnings().find("not sent: the last 5 calls failed with auth"), std::string::npos);
}

TEST_F(BreakerTest, CallsThatWaitForALostNetworkAreTriedOneAtATimeAndAllAnswered) {
  EXPECT_EQ(FailAll(v1::NETWORK), 9u);
  ASSERT_EQ(summary_.waiting_for_size(), 1);
  EXPECT_NE(summary_.waiting_for(0).find("provider not asked: bamboo: 5 calls in a row failed"),
            std::string::npos);
  Pass(absl::Seconds(3));
  const std::vector<SendAssign> probe = Take<SendAssign>();
  ASSERT_EQ(probe.size(), 1u);
  Answer(5, probe[0].assign.token(), "back");
  for (int i = 0; i < 60 && run().counts.done < kCalls; ++i) {
    for (const SendAssign& sent : Take<SendAssign>()) Answer(5, sent.assign.token(), "ok");
    Pass(absl::Seconds(1));
  }
  EXPECT_EQ(run().counts.done, kCalls);
  EXPECT_EQ(Failed(), 0u);
}

TEST_F(BreakerTest, AProviderThatStaysAwayFailsAllCallsAfterTheirTriesWithFewSent) {
  size_t sent_in_all = 0;
  for (int second = 0; second < 120 && Failed() < kCalls; ++second) {
    const std::vector<SendAssign> sent = Take<SendAssign>();
    sent_in_all += sent.size();
    for (const SendAssign& one : sent) Fail(5, one.assign.token(), v1::OVERLOADED);
    Pass(absl::Seconds(1));
  }
  EXPECT_EQ(Failed(), kCalls);
  EXPECT_LE(sent_in_all, 20u);  // 100 without a breaker
}

TEST_F(BreakerTest, ARestartAsksAgain) {
  FailAll(v1::NETWORK);
  Pass(absl::Seconds(1));
  Restart();
  Attach(6);
  Pass(absl::Seconds(3));
  EXPECT_EQ(Take<SendAssign>().size(), 5u);
}

TEST_F(BreakerTest, AnExecutorWithAnotherKeyTakesTheCalls) {
  FailAll(v1::NETWORK);
  ExecutorAttached other{.session = 8};
  other.info = Kimi("cc33");
  other.info.set_executor_id("other");
  other.info.set_session_epoch(8);
  other.info.set_slots(9);
  Handle(std::move(other));
  Pass(absl::Seconds(1));
  EXPECT_FALSE(Take<SendAssign>().empty());
}

}  // namespace
}  // namespace odw::core
