// Which of several executors of a runtime a call goes to, by what each has told of itself.
#include "daemon/core/engine_testing.h"

namespace odw::core {
namespace {

class RoutingTest : public EngineTest {
 protected:
  using Change = std::function<void(v1::Register*)>;

  void AttachOne(const std::string& id, SessionId session, const Change& change = [](auto*) {}) {
    ExecutorAttached attached{.session = session};
    attached.info.set_executor_id(id);
    attached.info.set_session_epoch(session);
    attached.info.set_runtime(runtime_);
    attached.info.set_slots(8);
    change(&attached.info);
    Handle(std::move(attached));
  }
  // The sessions that four equal calls went to.
  std::vector<SessionId> SentTo(const v1::AgentRequest& wanted) {
    SubmitRun(/*concurrency=*/8);
    std::vector<v1::script::Call> calls;
    for (uint64_t i = 1; i <= 4; ++i) {
      v1::AgentRequest request = wanted;
      request.set_prompt("p" + std::to_string(i));
      v1::script::Call& call = calls.emplace_back();
      call.set_ordinal(i);
      request.SerializeToString(call.mutable_request());
    }
    Turn(1, 0, std::move(calls));
    std::vector<SessionId> sessions;
    for (const SendAssign& sent : Take<SendAssign>()) sessions.push_back(sent.session);
    return sessions;
  }
  const std::vector<SessionId> all_to_first_ = {1, 1, 1, 1}, all_to_second_ = {2, 2, 2, 2};
};

TEST_F(RoutingTest, AWorkTreeGoesWhereThereAreSome) {
  AttachOne("a", 1);
  AttachOne("b", 2, [](v1::Register* info) { info->set_worktrees(true); });
  v1::AgentRequest request;
  request.set_isolation("worktree");
  EXPECT_EQ(SentTo(request), all_to_second_);
}

TEST_F(RoutingTest, WhereThereAreNoneAnExecutorSaysSo) {
  AttachOne("a", 1);
  v1::AgentRequest request;
  request.set_isolation("worktree");
  EXPECT_EQ(SentTo(request), all_to_first_);
}

TEST_F(RoutingTest, APermissionGoesWhereThePoolAllowsIt) {
  AttachOne("a", 1, [](v1::Register* info) { info->set_permission_max("read-only"); });
  AttachOne("b", 2, [](v1::Register* info) { info->set_permission_max("workspace-write"); });
  v1::AgentRequest request;
  request.set_permission("workspace-write");
  EXPECT_EQ(SentTo(request), all_to_second_);
}

TEST_F(RoutingTest, AModelGoesWhereItIsNamedRatherThanWhereAnyIs) {
  runtime_ = "bamboo";
  for (const auto& [id, name] : {std::pair("a", "*"), std::pair("b", "kimi-k2")}) {
    AttachOne(id, id[0] == 'a' ? 1 : 2, [&](v1::Register* info) {
      info->add_models()->set_name(name);
      info->mutable_models(0)->set_provider("kimi");
    });
  }
  v1::AgentRequest request;
  request.set_provider("kimi");
  request.set_model("kimi-k2");
  EXPECT_EQ(SentTo(request), all_to_second_);
}

TEST_F(RoutingTest, AnUnnamedModelGoesWhereAnyOfItsProviderIsServed) {
  runtime_ = "bamboo";
  for (const auto& [id, provider] : {std::pair("a", "kimi"), std::pair("b", "qwen")}) {
    AttachOne(id, id[0] == 'a' ? 1 : 2, [&](v1::Register* info) {
      info->add_models()->set_name("*");
      info->mutable_models(0)->set_provider(provider);
    });
  }
  v1::AgentRequest request;
  request.set_provider("kimi");
  request.set_model("kimi-of-tomorrow");
  EXPECT_EQ(SentTo(request), all_to_first_);
}

}  // namespace
}  // namespace odw::core
