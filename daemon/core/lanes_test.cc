#include "daemon/core/lanes.h"

#include "daemon/core/engine_testing.h"

namespace odw::core {
namespace {

std::string Token(int i) { return "t" + std::to_string(i); }

TEST(Lanes, ACrowdThatIsRefusedTogetherHalvesOnce) {
  Lanes lanes;
  const std::string lane = Lanes::NameOf("bamboo", "kimi");
  for (int i = 0; i < 16; ++i) lanes.Start(lane, Token(i));
  for (int i = 0; i < 16; ++i) {
    lanes.Refused(Token(i), v1::RATE_LIMIT);
    lanes.Release(Token(i));
  }
  EXPECT_EQ(lanes.LimitOf(lane), 8u);
  for (int i = 20; i < 28; ++i) {
    EXPECT_TRUE(lanes.HasRoom(lane));
    lanes.Start(lane, Token(i));
  }
  EXPECT_FALSE(lanes.HasRoom(lane));
  lanes.Refused(Token(20), v1::OVERLOADED);
  EXPECT_EQ(lanes.LimitOf(lane), 4u);
}

TEST(Lanes, SuccessGrowsItBackUntilThereIsNoLimit) {
  Lanes lanes;
  const std::string lane = Lanes::NameOf("claude", "");
  for (int i = 0; i < 4; ++i) lanes.Start(lane, Token(i));
  lanes.Refused(Token(3), v1::RATE_LIMIT);
  EXPECT_EQ(lanes.LimitOf(lane), 2u);
  lanes.Succeeded(Token(0));
  EXPECT_EQ(lanes.LimitOf(lane), 2u);
  lanes.Succeeded(Token(1));
  EXPECT_EQ(lanes.LimitOf(lane), 3u);
  for (int i = 0; i < 3; ++i) lanes.Succeeded(Token(2));
  EXPECT_EQ(lanes.LimitOf(lane), 0u);
}

TEST(Lanes, OneAloneMayAlwaysTryAgain) {
  Lanes lanes;
  const std::string lane = Lanes::NameOf("codex", "");
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(lanes.HasRoom(lane));
    lanes.Start(lane, Token(i));
    lanes.Refused(Token(i), v1::RATE_LIMIT);
    lanes.Release(Token(i));
  }
  EXPECT_EQ(lanes.LimitOf(lane), 1u);
}

TEST(Lanes, OtherErrorsAndOtherLanesDoNotCount) {
  Lanes lanes;
  const std::string kimi = Lanes::NameOf("bamboo", "kimi"), qwen = Lanes::NameOf("bamboo", "qwen");
  lanes.Start(kimi, "a");
  lanes.Start(qwen, "b");
  lanes.Refused("a", v1::AUTH);
  EXPECT_EQ(lanes.LimitOf(kimi), 0u);
  lanes.Refused("a", v1::RATE_LIMIT);
  EXPECT_EQ(lanes.LimitOf(qwen), 0u);
  EXPECT_EQ(Lanes::NameOf("mock", "x"), "");
}

class LanesTest : public EngineTest {};

TEST_F(LanesTest, ARefusedProviderIsAskedLessAtATimeAndNoCallIsDropped) {
  runtime_ = "bamboo";
  slots_ = 8;
  SubmitRun(/*concurrency=*/8);
  Attach(5);
  std::vector<v1::script::Call> calls;
  for (uint64_t i = 1; i <= 8; ++i) calls.push_back(AgentCall(i, "p" + std::to_string(i)));
  Turn(1, 0, calls);
  const std::vector<SendAssign> first = Take<SendAssign>();
  ASSERT_EQ(first.size(), 8u);
  for (const SendAssign& sent : first) Fail(5, sent.assign.token(), v1::RATE_LIMIT);
  size_t answered = 0;
  for (int round = 0; round < 400 && answered < 8; ++round) {
    Pass(absl::Seconds(1));
    const std::vector<SendAssign> sent = Take<SendAssign>();
    EXPECT_LE(sent.size(), 5u);
    for (const SendAssign& one : sent) Answer(5, one.assign.token(), "done");
    answered += sent.size();
  }
  EXPECT_EQ(answered, 8u);
  EXPECT_EQ(run().settlements.size(), 8u);
}

}  // namespace
}  // namespace odw::core
