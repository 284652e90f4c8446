// A node's next attempt goes on with its runtime's session, where the executor that has it takes it.
#include "daemon/core/engine_testing.h"

namespace odw::core {
namespace {

class SessionsTest : public EngineTest {
 protected:
  void Tell(SessionId session, const std::string& token, const std::string& id,
            uint64_t answered = 3) {
    ExecutorSaid said{.session = session};
    said.message.mutable_progress()->set_token(token);
    said.message.mutable_progress()->set_session_id(id);
    said.message.mutable_progress()->mutable_usage_so_far()->set_output_tokens(answered);
    Handle(std::move(said));
  }
  v1::Assign TakeAssign() {
    const std::vector<SendAssign> sent = Take<SendAssign>();
    EXPECT_EQ(sent.size(), 1u);
    return sent.empty() ? v1::Assign() : sent[0].assign;
  }
  size_t Sessions() const {
    return static_cast<size_t>(std::count_if(log_.begin(), log_.end(),
                                             [](const v1::Event& e) { return e.has_session(); }));
  }
};

TEST_F(SessionsTest, ARetryGoesOnWithTheSessionAlsoAfterARestart) {
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "p")});
  const v1::Assign first = TakeAssign();
  EXPECT_EQ(first.resume_session(), "");
  Tell(5, first.token(), "s-1");
  Tell(5, first.token(), "s-1");
  EXPECT_EQ(Sessions(), 1u);  // said twice, recorded once
  Fail(5, first.token(), v1::RATE_LIMIT);
  Restart();
  Attach(6);
  Pass(absl::Seconds(61));
  const v1::Assign second = TakeAssign();
  EXPECT_EQ(second.resume_session(), "s-1");
  EXPECT_EQ(second.resume_token(), first.token());
}

TEST_F(SessionsTest, OnlyTheExecutorThatHasTheSessionIsAskedToGoOnWithIt) {
  SubmitRun();
  AttachAs("one", 5);
  Turn(1, 0, {AgentCall(1, "p")});
  const v1::Assign first = TakeAssign();
  Tell(5, first.token(), "s-1");
  Fail(5, first.token(), v1::NETWORK);
  Handle(ExecutorDetached{.session = 5});
  AttachAs("two", 6);
  Pass(absl::Seconds(31));
  EXPECT_EQ(TakeAssign().resume_session(), "");
}

TEST_F(SessionsTest, TheExecutorThatHasTheSessionComesFirst) {
  slots_ = 4;
  SubmitRun();
  AttachAs("b", 5);
  Turn(1, 0, {AgentCall(1, "p")});
  const v1::Assign first = TakeAssign();
  Tell(5, first.token(), "s-1");
  AttachAs("a", 6);  // as empty, and first by name
  Fail(5, first.token(), v1::NETWORK);
  Pass(absl::Seconds(31));
  const std::vector<SendAssign> sent = Take<SendAssign>();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].session, 5u);
  EXPECT_EQ(sent[0].assign.resume_session(), "s-1");
}

TEST_F(SessionsTest, ASessionInWhichTheModelSaidNothingIsNotGoneOnWith) {
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "p")});
  const v1::Assign first = TakeAssign();
  Tell(5, first.token(), "s-1", /*answered=*/0);
  Fail(5, first.token(), v1::RATE_LIMIT);
  Pass(absl::Seconds(61));
  EXPECT_EQ(TakeAssign().resume_session(), "");
}

TEST_F(SessionsTest, ARestartByAPersonBeginsAnew) {
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "p")});
  const v1::Assign first = TakeAssign();
  Tell(5, first.token(), "s-1");
  EXPECT_TRUE(RestartCall(1).ok());
  Tell(5, first.token(), "s-2");  // of a fenced attempt
  Fail(5, first.token(), v1::CANCELLED);
  EXPECT_EQ(TakeAssign().resume_session(), "");
}

TEST_F(SessionsTest, WordOfASessionAfterTheNodeHasSettledIsDropped) {
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "p")});
  const v1::Assign first = TakeAssign();
  Answer(5, first.token(), "done");
  Tell(5, first.token(), "s-1");
  EXPECT_EQ(Sessions(), 0u);
}

}  // namespace
}  // namespace odw::core
