// What answers a call without running it, and what does not (SPEC K).
#include "daemon/core/engine_testing.h"
#include "daemon/core/reuse_key.h"

namespace odw::core {
namespace {

class ReuseTest : public EngineTest {
 protected:
  // The reuse keys of the calls that the run has made, in order.
  std::vector<std::string> Keys() {
    std::vector<std::string> keys;
    for (const v1::Event& event : log_) {
      if (event.has_called()) keys.push_back(event.called().reuse_key());
    }
    return keys;
  }
  // Makes these calls in one turn of a run of its own; their keys.
  std::vector<std::string> KeysOf(std::vector<v1::script::Call> calls) {
    log_.clear();
    engine_ = std::make_unique<Engine>(Settings{});
    SubmitRun();
    Turn(1, 0, std::move(calls));
    std::vector<std::string> keys = Keys();
    log_.clear();
    effects_.clear();
    engine_ = std::make_unique<Engine>(Settings{});
    return keys;
  }
  std::string KeyOf(const std::function<void(v1::AgentRequest*)>& edit) {
    return KeysOf({CallWith(1, edit)}).at(0);
  }
  v1::script::Call CallWith(uint64_t ordinal, const std::function<void(v1::AgentRequest*)>& edit) {
    v1::AgentRequest request;
    request.set_prompt("p");
    edit(&request);
    v1::script::Call call;
    call.set_ordinal(ordinal);
    request.SerializeToString(call.mutable_request());
    return call;
  }
  // An old run that made these calls and succeeded at all but the empty keys.
  void Resume(std::vector<std::string> keys, v1::ResumeMode mode = v1::RESUME_CONTENT) {
    auto table = std::make_shared<ReuseTable>();
    table->run_id = "wf_old001";
    for (size_t i = 0; i < keys.size(); ++i) {
      if (keys[i].empty()) continue;
      Reusable& old = table->by_key[keys[i]];
      old.node = i + 1;
      old.value = model::MakeValue("old " + std::to_string(i + 1)).ref;
      old.model = "m";
      old.usage.set_output_tokens(100);
    }
    table->calls = std::move(keys);
    reusable_ = table;
    prepare_ = [mode](v1::RunSubmitted* header) {
      header->set_resumed_from("wf_old001");
      header->set_resume_mode(mode);
    };
  }
  std::vector<std::string> Answers() {
    std::vector<std::string> answers;
    for (const HostSettle& settle : Take<HostSettle>()) answers.push_back(settle.value.ref.inline_());
    return answers;
  }
};

using Texts = std::vector<std::string>;

TEST_F(ReuseTest, LabelAndPhaseAreNotInTheKey) {
  const std::string plain = KeyOf([](auto*) {});
  EXPECT_EQ(plain.size(), 48u);
  EXPECT_EQ(KeyOf([](auto* r) { r->set_label("l"); }), plain);
  EXPECT_EQ(KeyOf([](auto* r) { r->set_phase("f"); }), plain);
}

TEST_F(ReuseTest, WhatChangesTheAnswerIsInTheKey) {
  const std::string plain = KeyOf([](auto*) {});
  EXPECT_NE(KeyOf([](auto* r) { r->set_prompt("q"); }), plain);
  EXPECT_NE(KeyOf([](auto* r) { r->set_schema_json("{}"); }), plain);
  EXPECT_NE(KeyOf([](auto* r) { r->set_model("opus"); }), plain);
  EXPECT_NE(KeyOf([](auto* r) { r->set_effort("high"); }), plain);
  EXPECT_NE(KeyOf([](auto* r) { r->set_isolation("worktree"); }), plain);
  EXPECT_NE(KeyOf([](auto* r) { r->add_tools("Read"); }), plain);
  EXPECT_NE(KeyOf([](auto* r) { r->add_args("Read"); }), KeyOf([](auto* r) { r->add_tools("Read"); }));
  EXPECT_NE(KeyOf([](auto* r) { r->set_permission("read-only"); }), plain);
  EXPECT_NE(KeyOf([](auto* r) { r->set_runtime("bamboo"); }), plain);
  EXPECT_NE(KeyOf([](auto* r) { r->set_options_json("{\"x\":1}"); }), plain);
}

TEST_F(ReuseTest, AnAgentTypesFileIsInTheKey) {
  const auto with_file = [&](const std::string& sha) {
    prepare_ = [sha](v1::RunSubmitted* header) {
      v1::AgentDefinition* agent = header->add_agents();
      agent->set_name("reviewer");
      agent->set_sha256(sha);
    };
    return KeyOf([](auto* r) { r->set_agent_type("reviewer"); });
  };
  EXPECT_NE(with_file("1"), with_file("2"));
}

TEST_F(ReuseTest, EqualCallsOfOnePlaceAreToldApart) {
  const auto keys = KeysOf({AgentCall(1, "p"), AgentCall(2, "p")});
  EXPECT_NE(keys[0], keys[1]);
  EXPECT_EQ(RequestKeyOf(keys[0]), RequestKeyOf(keys[1]));
}

TEST_F(ReuseTest, TheOccurrenceSurvivesARestart) {
  const auto keys = KeysOf({AgentCall(1, "p"), AgentCall(2, "p")});
  SubmitRun();
  Frame(1, 0, {AgentCall(1, "p")});
  Restart();
  Turn(Take<HostStart>().back().epoch, 0, {AgentCall(1, "p"), AgentCall(2, "p")});
  EXPECT_EQ(Keys(), keys);
}

TEST_F(ReuseTest, TheSameRunAgainCallsNobody) {
  Resume(KeysOf({AgentCall(1, "a"), AgentCall(2, "b"), AgentCall(3, "a")}));
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a"), AgentCall(2, "b"), AgentCall(3, "a")});
  EXPECT_EQ(Answers(), (Texts{"old 1", "old 2", "old 3"}));
  EXPECT_TRUE(Take<SendAssign>().empty());
  EXPECT_EQ(run().budget_spent, 0);
  EXPECT_EQ(summary_.nodes_cached(), 3u);
  EXPECT_EQ(summary_.saved_usage().output_tokens(), 300u);
  EXPECT_EQ(summary_.resumed_from(), "wf_old001");
}

TEST_F(ReuseTest, OnlyWhatChangedRuns) {
  Resume(KeysOf({AgentCall(1, "a"), AgentCall(2, "b"), AgentCall(3, "c")}));
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a"), AgentCall(2, "edited"), AgentCall(3, "c")});
  EXPECT_EQ(Answers(), (Texts{"old 1", "old 3"}));
  EXPECT_EQ(Take<SendAssign>().size(), 1u);
}

TEST_F(ReuseTest, WhatFailedRunsAgainAndItsEqualsKeepTheirPlaces) {
  auto keys = KeysOf({AgentCall(1, "vote"), AgentCall(2, "vote"), AgentCall(3, "vote")});
  keys[1].clear();
  Resume(keys);
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "vote"), AgentCall(2, "vote"), AgentCall(3, "vote")});
  EXPECT_EQ(Answers(), (Texts{"old 1", "old 3"}));
  EXPECT_EQ(Take<SendAssign>().at(0).assign.node(), 2u);
}

TEST_F(ReuseTest, AnItemThatMovedInItsListIsFoundAndNothingAnswersTwice) {
  const auto in_slot = [&](uint64_t ordinal, const std::string& prompt, int slot) {
    v1::script::Call call = AgentCall(ordinal, prompt);
    call.set_scope("p1[" + std::to_string(slot) + "]");
    return call;
  };
  Resume(KeysOf({in_slot(1, "x", 0), in_slot(2, "y", 1)}));
  SubmitRun();
  Attach(5);
  Turn(1, 0, {in_slot(1, "new", 0), in_slot(2, "x", 1), in_slot(3, "y", 2), in_slot(4, "x", 3)});
  EXPECT_EQ(Answers(), (Texts{"old 1", "old 2"}));
  const auto assigns = Take<SendAssign>();
  ASSERT_EQ(assigns.size(), 2u);
  EXPECT_EQ(assigns[0].assign.node(), 1u);
  EXPECT_EQ(assigns[1].assign.node(), 4u);
}

TEST_F(ReuseTest, ByPrefixTheFirstMissEndsItForGood) {
  Resume(KeysOf({AgentCall(1, "a"), AgentCall(2, "b"), AgentCall(3, "c")}), v1::RESUME_PREFIX);
  SubmitRun();
  Attach(5);
  Turn(1, 0, {AgentCall(1, "a"), AgentCall(2, "edited"), AgentCall(3, "c")});
  EXPECT_EQ(Answers(), (Texts{"old 1"}));
  EXPECT_EQ(Take<SendAssign>().size(), 2u);
}

TEST_F(ReuseTest, ByPrefixAMissIsRememberedByTheNextDaemon) {
  Resume(KeysOf({AgentCall(1, "a"), AgentCall(2, "b"), AgentCall(3, "c")}), v1::RESUME_PREFIX);
  SubmitRun();
  Frame(1, 0, {AgentCall(1, "a"), AgentCall(2, "edited")});
  Restart();
  Answers();
  const HostEpoch epoch = Take<HostStart>().back().epoch;
  Turn(epoch, 0, {AgentCall(1, "a"), AgentCall(2, "edited"), AgentCall(3, "c")});
  EXPECT_TRUE(Answers().empty());
  EXPECT_EQ(run().counts.cached, 1u);
}

TEST_F(ReuseTest, ByPrefixTheScopeOfACallDoesNotMatter) {
  v1::script::Call moved = AgentCall(1, "a");
  moved.set_scope("p1[0]");
  Resume(KeysOf({AgentCall(1, "a")}), v1::RESUME_PREFIX);
  SubmitRun();
  Turn(1, 0, {moved});
  EXPECT_EQ(Answers(), (Texts{"old 1"}));
}

TEST_F(ReuseTest, AHitIsAllowedPastTheBudget) {
  Resume(KeysOf({AgentCall(1, "a")}));
  const auto resumed = prepare_;
  prepare_ = [&](v1::RunSubmitted* header) {
    resumed(header);
    header->mutable_settings()->set_budget_total(0);
  };
  SubmitRun();
  Turn(1, 0, {AgentCall(1, "a"), AgentCall(2, "b")});
  EXPECT_EQ(run().counts.cached, 1u);
  EXPECT_EQ(run().census[v1::BUDGET], 1u);
}

TEST_F(ReuseTest, ABigValueIsNamedByTheRunThatHasIt) {
  Resume(KeysOf({AgentCall(1, "a")}));
  auto table = std::make_shared<ReuseTable>(*reusable_);
  table->by_key.begin()->second.value = model::MakeValue(std::string(5000, 'v')).ref;
  reusable_ = table;
  SubmitRun();
  std::vector<Append> appends;
  HostTurn turn{.run_id = "wf_test01", .epoch = 1};
  *turn.turn.add_calls() = AgentCall(1, "a");
  engine_->Handle(now_, std::move(turn));
  bool named = false;
  for (const Effect& effect : engine_->TakeEffects()) {
    const auto* append = std::get_if<Append>(&effect);
    if (append == nullptr) continue;
    for (const model::Value& value : append->values) named |= value.from_run == "wf_old001";
  }
  EXPECT_TRUE(named);
}

TEST_F(ReuseTest, InTheOriginalsDialectACallWithAnIdIsMadeOnce) {
  prepare_ = [](v1::RunSubmitted* header) { header->set_dialect(v1::ODW); };
  const auto with_id = [&](uint64_t ordinal) {
    return CallWith(ordinal, [](auto* r) { r->set_node_id("build"); });
  };
  SubmitRun();
  Attach(5);
  Turn(1, 0, {with_id(1)});
  Answer(5, Take<SendAssign>().at(0).assign.token(), "once");
  Turn(1, 1, {with_id(2), CallWith(3, [](auto*) {})});
  EXPECT_EQ(Answers(), (Texts{"once", "once"}));
  EXPECT_EQ(Take<SendAssign>().at(0).assign.node(), 3u);
  EXPECT_EQ(Keys()[0], Keys()[1]);
}

}  // namespace
}  // namespace odw::core
