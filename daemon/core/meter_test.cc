#include "daemon/core/meter.h"

#include "daemon/core/engine_testing.h"

namespace odw::core {
namespace {

class MeterTest : public EngineTest {
 protected:
  // Two calls under way in a run of at most 10,000 tokens.
  std::vector<std::string> StartTwo() {
    prepare_ = [this](v1::RunSubmitted* header) {
      header->mutable_settings()->set_tokens_max(tokens_max_);
      header->mutable_settings()->set_cost_micros_max(cost_max_);
    };
    SubmitRun(/*concurrency=*/2);
    ExecutorAttached attached{.session = 5};
    attached.info.set_executor_id("ex");
    attached.info.set_session_epoch(5);
    attached.info.set_runtime(runtime_);
    attached.info.set_slots(2);
    attached.info.add_models()->set_name("m");
    attached.info.mutable_models(0)->set_currency("USD");
    attached.info.mutable_models(0)->set_output_micros_per_mtok(1'000'000);
    Handle(std::move(attached));
    Turn(1, 0, {ModelCall(1), ModelCall(2)});
    std::vector<std::string> tokens;
    for (const SendAssign& sent : Take<SendAssign>()) tokens.push_back(sent.assign.token());
    return tokens;
  }
  v1::script::Call ModelCall(uint64_t ordinal) {
    v1::AgentRequest request;
    request.set_prompt("p" + std::to_string(ordinal));
    request.set_model("m");
    v1::script::Call call;
    call.set_ordinal(ordinal);
    request.SerializeToString(call.mutable_request());
    return call;
  }
  void Uses(const std::string& token, uint64_t input, uint64_t output) {
    ExecutorSaid said{.session = 5};
    v1::Progress* progress = said.message.mutable_progress();
    progress->set_token(token);
    progress->mutable_usage_so_far()->set_input_tokens(input);
    progress->mutable_usage_so_far()->set_output_tokens(output);
    Handle(std::move(said));
  }
  void Cancelled(const SendCancel& cancel, uint64_t output) {
    ExecutorSaid said{.session = 5};
    v1::Result* result = said.message.mutable_result();
    result->set_token(cancel.token);
    result->mutable_error()->set_category(v1::CANCELLED);
    result->mutable_error()->set_message("cancelled: " + cancel.reason);
    result->mutable_usage()->set_output_tokens(output);
    Handle(std::move(said));
  }

  uint64_t tokens_max_ = 10'000;
  int64_t cost_max_ = 0;
};

TEST_F(MeterTest, WhatPassesTheRunsTokensWhileUnderWayIsStoppedOnce) {
  const std::vector<std::string> tokens = StartTwo();
  ASSERT_EQ(tokens.size(), 2u);
  Uses(tokens[0], 5'000, 100);
  EXPECT_TRUE(Take<SendCancel>().empty());
  Uses(tokens[1], 4'000, 901);
  Uses(tokens[1], 4'000, 950);
  const std::vector<SendCancel> cancels = Take<SendCancel>();
  ASSERT_EQ(cancels.size(), 1u);
  EXPECT_EQ(cancels[0].token, tokens[1]);
  EXPECT_EQ(cancels[0].reason, "over a ceiling: 10001 of the run's 10000 tokens are used");
}

TEST_F(MeterTest, AStoppedCallIsNoFailureAndGoesOnWithAHigherCeiling) {
  const std::vector<std::string> tokens = StartTwo();
  Uses(tokens[0], 0, 10'001);
  Cancelled(Take<SendCancel>().at(0), 10'001);
  Answer(5, tokens[1], "done");
  EXPECT_TRUE(run().paused());
  EXPECT_NE(run().paused_why.find("token ceiling"), std::string::npos);
  EXPECT_EQ(run().counts.failed, 0u);
  EXPECT_EQ(run().health, v1::OK);
  Command(UnpauseRun{.run_id = "wf_test01", .owner = "me", .tokens_max = 50'000});
  EXPECT_EQ(Take<SendAssign>().size(), 1u);
}

TEST_F(MeterTest, ARestartBetweenTheStopAndItsAnswerChangesNothing) {
  const std::vector<std::string> tokens = StartTwo();
  Uses(tokens[0], 0, 10'001);
  const SendCancel cancel = Take<SendCancel>().at(0);
  Restart();
  Attach(5, {{tokens[0], true}, {tokens[1], false}});
  Cancelled(cancel, 10'001);
  EXPECT_EQ(run().counts.failed, 0u);
  Answer(5, tokens[1], "done");
  EXPECT_TRUE(run().paused());
}

TEST_F(MeterTest, WhatItHasNotPricedItselfCountsAtItsModelsPrice) {
  tokens_max_ = 0;
  cost_max_ = 10'000;  // a cent: 10,000 output tokens
  const std::vector<std::string> tokens = StartTwo();
  ASSERT_EQ(tokens.size(), 2u);
  Uses(tokens[0], 1'000'000, 9'000);  // input costs nothing here
  EXPECT_TRUE(Take<SendCancel>().empty());
  Uses(tokens[1], 0, 1'001);
  EXPECT_EQ(Take<SendCancel>().size(), 1u);
}

}  // namespace
}  // namespace odw::core
