// What becomes of a call: its request as resolved, look-ups of workflows, refusals, failures' texts.
#include "daemon/core/call.h"
#include "daemon/core/engine_testing.h"
#include "daemon/core/failure_value.h"
#include "daemon/core/resolve.h"

namespace odw::core {
namespace {

v1::RunSubmitted Header() {
  v1::RunSubmitted header;
  header.set_dialect(v1::BUILTIN);
  header.mutable_settings()->set_default_runtime("claude");
  header.mutable_settings()->set_default_model("sonnet");
  v1::AgentDefinition* agent = header.add_agents();
  agent->set_name("reviewer");
  agent->set_model("opus");
  agent->set_prompt("You review.");
  agent->add_tools("Read");
  agent->set_sha256("sha");
  return header;
}

TEST(Resolve, AnAgentTypeGivesModelToolsAndPrompt) {
  v1::AgentRequest request;
  request.set_agent_type("reviewer");
  const Resolution resolution = ResolveRequest(Header(), &request);
  EXPECT_EQ(request.model(), "opus");
  EXPECT_EQ(request.system_prompt(), "You review.");
  EXPECT_EQ(request.tools(0), "Read");
  EXPECT_EQ(resolution.agent_sha256, "sha");
}

TEST(Resolve, TheCallsModelComesFirstThenItsTypesThenItsPhasesThenTheRuns) {
  v1::RunSubmitted header = Header();
  v1::PhaseModel* phase = header.mutable_settings()->add_phase_models();
  phase->set_title("Deep");
  phase->set_model("haiku");
  const auto model = [&](const std::string& own, const std::string& type, const std::string& phase) {
    v1::AgentRequest request;
    request.set_model(own);
    request.set_agent_type(type);
    request.set_phase(phase);
    ResolveRequest(header, &request);
    return request.model();
  };
  EXPECT_EQ(model("fable", "reviewer", "Deep"), "fable");
  EXPECT_EQ(model("inherit", "reviewer", "Deep"), "opus");
  EXPECT_EQ(model("", "", "Deep"), "haiku");
  EXPECT_EQ(model("", "", ""), "sonnet");
  header.mutable_agents(0)->set_model("inherit");
  EXPECT_EQ(model("", "reviewer", ""), "sonnet");
}

TEST(Resolve, ClaudesShortNamesNameNothingToAnotherRuntime) {
  v1::RunSubmitted header = Header();
  const auto model = [&](const std::string& runtime, const std::string& own, const std::string& type) {
    v1::AgentRequest request;
    request.set_runtime(runtime);
    request.set_model(own);
    request.set_agent_type(type);
    ResolveRequest(header, &request);
    return request.model();
  };
  EXPECT_EQ(model("claude", "", "reviewer"), "opus");
  EXPECT_EQ(model("codex", "", "reviewer"), "");
  EXPECT_EQ(model("codex", "opus", ""), "opus");  // it says so
  header.mutable_settings()->set_default_runtime("bamboo");
  header.mutable_settings()->set_default_model("kimi-k2.6");
  EXPECT_EQ(model("", "haiku", ""), "kimi-k2.6");
  EXPECT_EQ(model("", "claude-haiku-4-5", ""), "claude-haiku-4-5");
}

TEST(Resolve, APoolsFallbacksAreForItsOwnCalls) {
  v1::RunSubmitted header = Header();
  for (const char* entry : {"claude=>codex", "codex=>claude/opus", "mock/any"}) {
    header.mutable_settings()->add_fallback(entry);
  }
  v1::AgentRequest request;
  request.set_runtime("claude");
  ResolveRequest(header, &request);
  ASSERT_EQ(request.fallback_size(), 2);
  EXPECT_EQ(request.fallback(0) + " " + request.fallback(1), "codex mock/any");
  v1::AgentRequest named;
  named.set_runtime("claude");
  named.add_fallback("bamboo:kimi");
  ResolveRequest(header, &named);
  ASSERT_EQ(named.fallback_size(), 1);
  EXPECT_EQ(named.fallback(0), "bamboo:kimi");
}

TEST(Resolve, BuiltInTypesAndTheOriginalsTagsSayNothing) {
  v1::RunSubmitted header = Header();
  v1::AgentRequest request;
  for (const char* type : {"general-purpose", "Explore", "Plan", "workflow-subagent"}) {
    request.set_agent_type(type);
    EXPECT_EQ(ResolveRequest(header, &request).unknown_type, "") << type;
  }
  header.set_dialect(v1::ODW);
  request.set_agent_type("anything");
  EXPECT_EQ(ResolveRequest(header, &request).unknown_type, "");
}

TEST(Resolve, TheStrictestPermissionWins) {
  v1::RunSubmitted header = Header();
  const auto permission = [&](const std::string& of_run, const std::string& of_node) {
    header.mutable_settings()->set_permission(of_run);
    v1::AgentRequest request;
    request.set_permission(of_node);
    ResolveRequest(header, &request);
    return request.permission();
  };
  EXPECT_EQ(permission("read-only", "full"), "read-only");
  EXPECT_EQ(permission("full", "workspace-write"), "workspace-write");
  EXPECT_EQ(permission("workspace-write", ""), "workspace-write");
  EXPECT_EQ(permission("", "full"), "full");
  header.mutable_settings()->set_network("no");
  v1::AgentRequest request;
  request.set_network("yes");
  ResolveRequest(header, &request);
  EXPECT_EQ(request.network(), "no");
}

TEST(Resolve, AForcedRuntimeRunsCommandsAsPrompts) {
  v1::RunSubmitted header = Header();
  header.mutable_settings()->set_forced_runtime("mock");
  v1::AgentRequest request;
  request.set_runtime("command");
  request.set_command("make");
  request.add_args("all");
  ResolveRequest(header, &request);
  EXPECT_EQ(request.command(), "make");  // as asked
  ForceRuntime(header, &request);
  EXPECT_EQ(request.runtime(), "mock");
  EXPECT_EQ(request.prompt(), "command make all");
  EXPECT_TRUE(request.command().empty());
}

TEST(Resolve, AForcedRunRecordsWhatWasAskedForAndReusesByWhatAnswers) {
  core::Run run;
  run.header = Header();
  v1::script::Call call;
  call.set_ordinal(1);
  call.set_kind(v1::script::AGENT);
  v1::AgentRequest made;
  made.set_prompt("look");
  made.set_runtime("bamboo");
  made.set_provider("kimi");
  made.set_model("kimi-k2.6");
  call.set_request(made.SerializeAsString());
  const std::string real_key = RecordOf(call, run, 0).called.reuse_key();
  run.header.mutable_settings()->set_forced_runtime("mock");
  const v1::NodeCalled called = RecordOf(call, run, 0).called;
  EXPECT_EQ(called.request().runtime(), "bamboo");
  EXPECT_EQ(called.request().provider(), "kimi");
  EXPECT_NE(called.reuse_key(), real_key);
  v1::AgentRequest assigned = called.request();
  ForceRuntime(run.header, &assigned);
  EXPECT_EQ(assigned.runtime(), "mock");
  EXPECT_EQ(assigned.provider(), "");
  EXPECT_EQ(assigned.model(), "kimi-k2.6");
}

TEST(Resolve, SchemaTriesAreFiveOrTheOriginalsOne) {
  v1::RunSubmitted header = Header();
  v1::AgentRequest request;
  request.set_schema_json("{}");
  ResolveRequest(header, &request);
  EXPECT_EQ(request.schema_tries_max(), 5u);
  header.set_dialect(v1::ODW);
  request.clear_schema_tries_max();
  ResolveRequest(header, &request);
  EXPECT_EQ(request.schema_tries_max(), 1u);
  request.clear_schema_tries_max();
  request.set_attempts_max(3);
  ResolveRequest(header, &request);
  EXPECT_EQ(request.schema_tries_max(), 3u);
}

TEST(FailureValue, TheBuiltInToolsWordsAreKept) {
  v1::Error error;
  error.set_category(v1::STALL);
  v1::AgentRequest request;
  EXPECT_EQ(FailureOf(v1::BUILTIN, error, request, 6).settled.error_message(),
            "agent stalled on all 6 attempts (no progress for 180000ms each)");
  error.set_category(v1::SCHEMA);
  error.set_message("the last one: /n must be integer");
  request.set_schema_json("{}");
  request.set_schema_tries_max(5);
  EXPECT_EQ(FailureOf(v1::BUILTIN, error, request, 1).settled.error_message(),
            "StructuredOutput retry cap (5) exceeded — 5 failed calls with no valid output: the last "
            "one: /n must be integer");
}

class CallsTest : public EngineTest {
 protected:
  v1::script::Call WorkflowCall(uint64_t ordinal, const std::string& name) {
    v1::script::Call call;
    call.set_ordinal(ordinal);
    call.set_kind(v1::script::WORKFLOW);
    call.set_name(name);
    return call;
  }
  void Find(uint64_t node, bool ok, const std::string& text) {
    WorkflowFound found{.run_id = "wf_test01", .node = node, .ok = ok};
    (ok ? found.value_json : found.message) = text;
    Handle(std::move(found));
  }
  v1::script::Call TypedCall(uint64_t ordinal, const std::string& type) {
    v1::AgentRequest request;
    request.set_prompt("p");
    request.set_agent_type(type);
    v1::script::Call call;
    call.set_ordinal(ordinal);
    request.SerializeToString(call.mutable_request());
    return call;
  }
};

TEST_F(CallsTest, AWorkflowIsLookedForAndItsSourceSettlesTheCall) {
  SubmitRun();
  Turn(1, 0, {WorkflowCall(1, "child")});
  EXPECT_EQ(Take<FindWorkflow>().at(0).name, "child");
  EXPECT_FALSE(ended());  // it is waited for
  const std::string big = "{\"source\":\"" + std::string(5000, 's') + "\"}";
  Find(1, true, big);
  EXPECT_EQ(Take<HostSettle>().at(0).fill, HostSettle::Fill::kJson);
  Find(1, true, big);
  Find(9, true, big);
  EXPECT_EQ(run().settlements.size(), 1u);
}

TEST_F(CallsTest, AWorkflowThatIsNotFoundRejectsInTheRegistrysWords) {
  SubmitRun();
  Turn(1, 0, {WorkflowCall(1, "child")});
  Find(1, false, "workflow('child'): no workflow with that name");
  EXPECT_EQ(Take<HostSettle>().at(0).settle.rejection().message(),
            "workflow('child'): no workflow with that name");
}

TEST_F(CallsTest, AWorkflowIsLookedForAgainAfterARestart) {
  SubmitRun();
  Turn(1, 0, {WorkflowCall(1, "child")});
  Take<FindWorkflow>();
  Restart();
  EXPECT_EQ(Take<FindWorkflow>().at(0).name, "child");
  Find(1, true, "{}");
  Restart();
  EXPECT_TRUE(Take<FindWorkflow>().empty());
  Stop();
  Find(1, true, "{}");
}

TEST_F(CallsTest, EndlessRefusedWorkflowsFailTheRun) {
  SubmitRun();
  for (uint64_t i = 1; i <= 11; ++i) {
    Turn(1, i - 1, {WorkflowCall(i, "nope")});
    Find(i, false, "no");
  }
  EXPECT_EQ(end().state(), v1::FAILED);
  EXPECT_EQ(end().error().category(), v1::LIMIT);
}

TEST_F(CallsTest, EndlessTimersFailTheRun) {
  engine_ = std::make_unique<Engine>(Settings{.calls_max = 3});
  SubmitRun();
  Turn(1, 0, {TimerCall(1, 1), TimerCall(2, 1), TimerCall(3, 1), TimerCall(4, 1)});
  EXPECT_EQ(end().error().category(), v1::LIMIT);
  EXPECT_NE(end().error().message().find("calls_max"), std::string::npos);
}

TEST_F(CallsTest, AnUnknownAgentTypeIsSaidOnceAndRuns) {
  SubmitRun();
  Attach(5);
  Frame(1, 0, {TypedCall(1, "nope")});
  Restart();
  Attach(6);
  Turn(Take<HostStart>().back().epoch, 0, {TypedCall(1, "nope"), TypedCall(2, "nope")});
  EXPECT_EQ(run().agents_called, 2u);
  const std::string said = Warnings();
  EXPECT_NE(said.find("agent type 'nope' not found"), std::string::npos);
  EXPECT_EQ(said.find("'nope'"), said.rfind("'nope'"));
}

TEST_F(CallsTest, AnUnknownAgentTypeRejectsWhereTypesAreStrict) {
  prepare_ = [](v1::RunSubmitted* header) {
    header->mutable_settings()->set_strict_agent_types(true);
    header->add_agents()->set_name("reviewer");
  };
  SubmitRun();
  Turn(1, 0, {TypedCall(1, "nope")});
  const std::string message = Take<HostSettle>().at(0).settle.rejection().message();
  EXPECT_NE(message.find("agent({agentType}): agent type 'nope' not found. Available agents: reviewer, "),
            std::string::npos)
      << message;
  EXPECT_EQ(run().census[v1::INVALID_REQUEST], 1u);
}

TEST_F(CallsTest, ACallThatWasNotSentIsNamedWhenTheRunReturns) {
  SubmitRun();  // no executor
  Frame(1, 0, {AgentCall(1, "left over")});
  Turn(1, 0, {}, "42");
  EXPECT_NE(Warnings().find("cancelled: left over (not started)"), std::string::npos);
  EXPECT_EQ(summary_.nodes_cancelled(), 1u);
}

TEST_F(CallsTest, ADeadlockAndAResultWithoutJsonHaveCategoriesOfTheirOwn) {
  SubmitRun();
  Turn(1, 0, {});
  EXPECT_EQ(end().error().category(), v1::DEADLOCK);
  log_.clear();
  engine_ = std::make_unique<Engine>(Settings{});
  SubmitRun();
  HostTurn turn{.run_id = "wf_test01", .epoch = 1};
  turn.turn.mutable_thrown()->set_category("result_not_serializable");
  Handle(std::move(turn));
  EXPECT_EQ(end().error().category(), v1::RESULT_NOT_SERIALIZABLE);
}

TEST_F(CallsTest, AFailedTryIsInTheBudgetWhenItsNodeSettles) {
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a")});
  Fail(5, Take<SendAssign>().at(0).assign.token(), v1::NETWORK);
  Pass(absl::Seconds(31));
  Answer(5, Take<SendAssign>().at(0).assign.token(), "x");
  EXPECT_EQ(Take<HostSettle>().at(0).settle.budget_spent(), 14);
}

TEST_F(CallsTest, AProviderIsWaitedForTwoDaysAtMost) {
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a")});
  for (int wait = 0; wait < 3; ++wait) {
    EXPECT_TRUE(run().settlements.empty()) << wait;
    ExecutorSaid said{.session = 5};
    v1::Result* result = said.message.mutable_result();
    result->set_token(Take<SendAssign>().at(0).assign.token());
    result->mutable_error()->set_category(v1::RATE_LIMIT);
    result->mutable_error()->set_retry_after_ms(30u * 3600 * 1000);
    Handle(std::move(said));
    now_ += absl::Hours(24) + absl::Seconds(1);
    Handle(Tick{});
  }
  EXPECT_EQ(run().settlements.size(), 1u);
}

TEST_F(CallsTest, ACallWhoseModelFailsGoesOnWithItsFallbacksInTurn) {
  prepare_ = [](v1::RunSubmitted* header) {
    v1::RunSettings* settings = header->mutable_settings();
    for (const char* entry : {"nonsense", "mock:p/one", "mock/two"}) settings->add_fallback(entry);
  };
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a")});
  Fail(5, Take<SendAssign>().at(0).assign.token(), v1::AUTH);
  auto sent = Take<SendAssign>();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(sent[0].assign.request().provider() + "/" + sent[0].assign.request().model(), "p/one");
  Restart();
  Attach(6, {{sent[0].assign.token(), false}});
  Fail(6, sent[0].assign.token(), v1::QUOTA);
  sent = Take<SendAssign>();
  EXPECT_EQ(sent.at(0).assign.request().provider() + "/" + sent.at(0).assign.request().model(), "/two");
  EXPECT_TRUE(run().settlements.empty());
  Fail(6, sent.at(0).assign.token(), v1::AUTH);
  EXPECT_EQ(run().counts.failed, 1u);
  EXPECT_NE(Warnings().find("[a] goes on with mock:p/one, for its model failed: auth: no luck"),
            std::string::npos);
}

TEST_F(CallsTest, AFallbackThatNobodyServesIsPassedOverForOneThatIsServed) {
  prepare_ = [](v1::RunSubmitted* header) {
    for (const char* entry : {"ghost/x", "mock"}) header->mutable_settings()->add_fallback(entry);
  };
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a")});
  Fail(5, Take<SendAssign>().at(0).assign.token(), v1::AUTH);
  EXPECT_EQ(Take<SendAssign>().at(0).assign.request().runtime(), "mock");
  EXPECT_NE(Warnings().find("[a] goes on with mock, for"), std::string::npos);
}

TEST_F(CallsTest, WhereNoFallbackIsServedItWaitsForTheFirst) {
  prepare_ = [](v1::RunSubmitted* header) {
    for (const char* entry : {"ghost/x", "spirit/y"}) header->mutable_settings()->add_fallback(entry);
  };
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a")});
  Fail(5, Take<SendAssign>().at(0).assign.token(), v1::AUTH);
  EXPECT_EQ(run().node(1).runtime, "ghost");
}

TEST_F(CallsTest, WhatAnotherModelCannotMendDoesNotFallBack) {
  prepare_ = [](v1::RunSubmitted* header) { header->mutable_settings()->add_fallback("mock/one"); };
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a")});
  Fail(5, Take<SendAssign>().at(0).assign.token(), v1::INVALID_REQUEST);
  EXPECT_EQ(run().counts.failed, 1u);
}

TEST_F(CallsTest, ACallWhoseBackoffIsOverSaysWhatItWaitsFor) {
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a")});
  Fail(5, Take<SendAssign>().at(0).assign.token(), v1::NETWORK);
  Handle(ExecutorDetached{.session = 5});
  EXPECT_EQ(summary_.waiting_for_size(), 0);
  Pass(absl::Seconds(31));
  ASSERT_EQ(summary_.waiting_for_size(), 1);
  EXPECT_EQ(summary_.waiting_for(0), "blocked: no executor for mock");
}

TEST_F(CallsTest, InTheOriginalsDialectMaxAttemptsBoundsTheTries) {
  prepare_ = [](v1::RunSubmitted* header) { header->set_dialect(v1::ODW); };
  SubmitRun();
  Attach(5);
  v1::AgentRequest request;
  request.set_prompt("p");
  request.set_attempts_max(2);
  v1::script::Call call;
  call.set_ordinal(1);
  request.SerializeToString(call.mutable_request());
  Turn(1, 0, {call});
  Fail(5, Take<SendAssign>().at(0).assign.token(), v1::NETWORK);
  Pass(absl::Seconds(31));
  Fail(5, Take<SendAssign>().at(0).assign.token(), v1::NETWORK);
  EXPECT_EQ(run().settlements.size(), 1u);
}

TEST_F(CallsTest, AStallIsSaidEachTimeAndItsCapIsARunsSetting) {
  prepare_ = [](v1::RunSubmitted* header) {
    header->mutable_settings()->set_stall_tries_max(2);
    header->mutable_settings()->set_stall_ms(5000);
  };
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a")});
  Fail(5, Take<SendAssign>().at(0).assign.token(), v1::STALL);
  EXPECT_NE(Warnings().find("[stall] agent \"a\" stalled (no progress) after 5s — retrying (1/1)"),
            std::string::npos);
  Pass(absl::Seconds(31));
  Fail(5, Take<SendAssign>().at(0).assign.token(), v1::STALL);
  EXPECT_EQ(Take<HostSettle>().at(0).settle.rejection().message(),
            "agent stalled on all 2 attempts (no progress for 5000ms each)");
}

}  // namespace
}  // namespace odw::core
