#include "daemon/model/run_view.h"

#include <gtest/gtest.h>

#include "odw/v1/script.pb.h"

namespace odw::model {
namespace {

// A run's journal, written one record a call.
class History {
 public:
  v1::Event& Add() {
    v1::Event& event = events_.emplace_back();
    event.set_unix_ms(1000 + static_cast<int64_t>(events_.size()));
    return event;
  }
  v1::RunSubmitted* Submit() {
    v1::RunSubmitted* header = Add().mutable_submitted();
    header->set_run_id("wf_abcdef");
    header->set_name("survey");
    header->set_owner("kim");
    header->set_resumed_from("wf_before");
    return header;
  }
  v1::NodeCalled* Call(uint64_t node, uint32_t kind = v1::script::AGENT) {
    v1::NodeCalled* called = Add().mutable_called();
    called->set_ordinal(node);
    called->set_kind(kind);
    called->mutable_request()->set_label("label");
    called->mutable_request()->set_runtime("mock");
    called->mutable_prompt()->set_inline_("say hello");
    return called;
  }
  v1::AttemptStarted* Start(uint64_t node, uint32_t attempt) {
    v1::AttemptStarted* started = Add().mutable_attempt_started();
    started->set_node(node);
    started->set_attempt(attempt);
    started->set_executor_id("ex1");
    return started;
  }
  v1::AttemptEnded* End(uint64_t node, uint32_t attempt, bool ok) {
    v1::AttemptEnded* ended = Add().mutable_attempt_ended();
    ended->set_node(node);
    ended->set_attempt(attempt);
    ended->set_ok(ok);
    ended->mutable_usage()->set_input_tokens(10);
    ended->mutable_usage()->set_output_tokens(3);
    if (ok) ended->mutable_value()->set_inline_("hello");
    if (!ok) ended->mutable_error()->set_category(v1::OVERLOADED);
    return ended;
  }
  v1::Settled* Settle(uint64_t node, uint32_t attempt, v1::NodeEnd end) {
    v1::Settled* settled = Add().mutable_settled();
    settled->set_node(node);
    settled->set_attempt(attempt);
    settled->set_end(end);
    return settled;
  }
  v1::Run Fold() const {
    RunView view;
    for (size_t i = 0; i < events_.size(); ++i) view.Apply(i + 1, events_[i]);
    return view.Build();
  }
  std::optional<v1::WatchEvent> LastWatchEvent() const {
    return ToWatchEvent(events_.size(), events_.back(), nullptr);
  }

 private:
  std::vector<v1::Event> events_;
};

TEST(RunView, ANodeThatSucceedsHasItsResultAndUsage) {
  History history;
  history.Submit();
  history.Call(1);
  history.Start(1, 1);
  v1::AttemptEnded* ended = history.End(1, 1, true);
  ended->set_started_unix_ms(1500);
  ended->set_ended_unix_ms(1700);
  history.Settle(1, 1, v1::END_DONE);
  const v1::Run run = history.Fold();
  EXPECT_EQ(run.run_id(), "wf_abcdef");
  EXPECT_EQ(run.state(), v1::RUNNING);
  EXPECT_EQ(run.health(), v1::OK);
  ASSERT_EQ(run.node_size(), 1);
  EXPECT_EQ(run.node(0).state(), v1::NODE_DONE);
  EXPECT_EQ(run.node(0).result().inline_(), "hello");
  EXPECT_EQ(run.node(0).started_unix_ms(), 1500);
  EXPECT_EQ(run.node(0).ended_unix_ms(), 1700);
  EXPECT_EQ(run.node(0).executor(), "ex1");
  EXPECT_EQ(run.nodes().done(), 1u);
  EXPECT_EQ(run.usage().output_tokens(), 3u);
  EXPECT_EQ(run.last_event(), 5u);
}

TEST(RunView, ARetriedNodeCountsAllAttemptsAndShowsNoOldError) {
  History history;
  history.Submit();
  history.Call(1);
  history.Start(1, 1);
  history.End(1, 1, false);
  v1::Event& requeued = history.Add();
  requeued.mutable_requeued()->set_node(1);
  requeued.mutable_requeued()->set_not_before_unix_ms(requeued.unix_ms() + 500);
  EXPECT_EQ(history.Fold().node(0).state(), v1::NODE_BACKOFF);
  EXPECT_EQ(history.Fold().nodes().queued(), 1u);
  history.Start(1, 2);
  history.End(1, 2, true);
  history.Settle(1, 2, v1::END_DONE);
  const v1::Run run = history.Fold();
  EXPECT_EQ(run.node(0).attempts(), 2u);
  EXPECT_FALSE(run.node(0).has_error());
  EXPECT_EQ(run.node(0).usage().input_tokens(), 20u);
  EXPECT_EQ(run.health(), v1::OK);
}

TEST(RunView, AFailedNodeIsCountedByItsErrorClass) {
  History history;
  history.Submit();
  history.Call(1);
  history.Start(1, 1);
  history.End(1, 1, false);
  history.Settle(1, 0, v1::END_FAILED);
  const v1::Run run = history.Fold();
  EXPECT_EQ(run.node(0).state(), v1::NODE_FAILED);
  EXPECT_EQ(run.health(), v1::DEGRADED);
  ASSERT_EQ(run.census_size(), 1);
  EXPECT_EQ(run.census(0).category(), v1::OVERLOADED);
  EXPECT_EQ(run.census(0).count(), 1u);
}

TEST(RunView, ARefusalTakesItsErrorFromTheSettlement) {
  History history;
  history.Submit();
  history.Call(1);
  v1::Settled* settled = history.Settle(1, 0, v1::END_REFUSED);
  settled->set_error_message("1000 agents is the limit");
  settled->set_error_code("limit");
  const v1::Run run = history.Fold();
  EXPECT_EQ(run.node(0).error().category(), v1::LIMIT);
  EXPECT_EQ(run.node(0).error().message(), "1000 agents is the limit");
}

TEST(RunView, ADiscardedResultCountsItsUsageAndNothingElse) {
  History history;
  history.Submit();
  history.Call(1);
  history.Start(1, 1);
  history.Start(1, 2);
  history.End(1, 1, true);
  history.Settle(1, 1, v1::END_DONE);
  v1::AttemptEnded* late = history.End(1, 2, true);
  late->set_discarded(true);
  late->mutable_value()->set_inline_("other");
  const v1::Run run = history.Fold();
  EXPECT_EQ(run.node(0).result().inline_(), "hello");
  EXPECT_EQ(run.usage().output_tokens(), 6u);
}

TEST(RunView, TimersAreNotNodes) {
  History history;
  history.Submit();
  history.Call(1, v1::script::TIMER);
  history.Call(2);
  const v1::Run run = history.Fold();
  ASSERT_EQ(run.node_size(), 1);
  EXPECT_EQ(run.node(0).ordinal(), 2u);
}

TEST(RunView, BlockedNodesSayWhatTheRunWaitsFor) {
  History history;
  history.Submit();
  for (uint64_t node : {1, 2}) {
    history.Call(node);
    v1::NodeBlocked* blocked = history.Add().mutable_blocked();
    blocked->set_node(node);
    blocked->set_why("no executor for codex");
  }
  v1::Run run = history.Fold();
  ASSERT_EQ(run.waiting_for_size(), 1);
  EXPECT_EQ(run.waiting_for(0), "blocked: no executor for codex");
  EXPECT_EQ(run.nodes().blocked(), 2u);
  history.Start(1, 1);
  history.Start(2, 1);
  EXPECT_EQ(history.Fold().waiting_for_size(), 0);
}

TEST(RunView, ReExecutionIsCountedWithItsTokens) {
  History history;
  history.Submit();
  history.Call(1);
  history.Start(1, 1);
  history.End(1, 1, false)->set_re_executed(true);
  const v1::Run run = history.Fold();
  EXPECT_EQ(run.re_executed(), 1u);
  EXPECT_EQ(run.re_executed_tokens(), 13u);
}

TEST(RunView, WhatHadNotSettledWhenTheRunEndedIsCancelled) {
  History history;
  history.Submit();
  history.Call(1);
  history.Start(1, 1);
  history.Add().mutable_ended()->set_state(v1::KILLED);
  const v1::Run run = history.Fold();
  EXPECT_EQ(run.state(), v1::KILLED);
  EXPECT_EQ(run.nodes().cancelled(), 1u);
  EXPECT_EQ(run.nodes().running(), 0u);
}

TEST(RunView, LogKeepsItsLastLinesAndPhasesTheirOrder) {
  History history;
  history.Submit();
  for (const char* title : {"scan", "join", "scan"}) {
    v1::ScriptLine* line = history.Add().mutable_line();
    line->set_kind(v1::script::Line::PHASE);
    line->set_text(title);
  }
  for (int i = 0; i < 250; ++i) history.Add().mutable_line()->set_text("line " + std::to_string(i));
  const v1::Run run = history.Fold();
  ASSERT_EQ(run.log_size(), static_cast<int>(kLogTailLines));
  EXPECT_EQ(run.log(0), "line 50");
  ASSERT_EQ(run.phases_size(), 2);
  EXPECT_EQ(run.current_phase(), "scan");
}

TEST(RunView, MoneyOfAnotherCurrencyIsNotMixedIn) {
  v1::Usage total;
  v1::Usage usd;
  usd.set_currency("USD");
  usd.set_cost_micros(5);
  v1::Usage eur = usd;
  eur.set_currency("EUR");
  AddUsage(usd, &total);
  AddUsage(eur, &total);
  EXPECT_EQ(total.cost_micros(), 5);
  EXPECT_EQ(total.currency(), "USD");
  ASSERT_EQ(total.other_costs_size(), 1);
  EXPECT_EQ(total.other_costs(0).currency(), "EUR");
  EXPECT_EQ(total.other_costs(0).micros(), 5);
}

TEST(RunView, SummaryAndRunConvertBothWays) {
  v1::RunSummary summary;
  summary.set_run_id("wf_abcdef");
  summary.set_state(v1::FAILED);
  summary.set_nodes_total(4);
  summary.set_nodes_failed(2);
  summary.mutable_error()->set_message("why");
  for (int i = 0; i < 3; ++i) summary.add_census(0);
  summary.set_census(v1::OVERLOADED, 2);
  summary.add_waiting_for("x");
  summary.mutable_result()->set_inline_("1");
  const v1::Run run = RunFromSummary(summary);
  EXPECT_EQ(run.nodes().failed(), 2u);
  ASSERT_EQ(run.census_size(), 1);
  EXPECT_EQ(SummaryFromRun(run).SerializeAsString(), summary.SerializeAsString());
}

TEST(WatchEvents, SayWhatTheRecordSaysAndNoMore) {
  History history;
  history.Submit();
  EXPECT_EQ(history.LastWatchEvent()->run_started().name(), "survey");
  history.Call(1);
  EXPECT_EQ(history.LastWatchEvent()->node().label(), "label");
  EXPECT_EQ(history.LastWatchEvent()->number(), 2u);
  history.Start(1, 1);
  EXPECT_EQ(history.LastWatchEvent()->node().state(), v1::NODE_RUNNING);
  history.End(1, 1, true);
  EXPECT_EQ(history.LastWatchEvent()->node().usage().output_tokens(), 3u);
  history.Settle(1, 1, v1::END_DONE);
  EXPECT_EQ(history.LastWatchEvent()->node().state(), v1::NODE_DONE);
  history.End(1, 2, true)->set_discarded(true);
  EXPECT_EQ(history.LastWatchEvent()->node().state(), v1::NODE_STATE_UNSPECIFIED);
}

TEST(WatchEvents, TheStartNamesThePlannedPhases) {
  v1::Event event;
  event.mutable_submitted()->set_meta_json(
      R"({"phases":["a",{"title":"b","model":"m"},3,{"detail":"c"}]})");
  const auto out = ToWatchEvent(1, event, nullptr);
  ASSERT_EQ(out->run_started().phases_size(), 2);
  EXPECT_EQ(out->run_started().phases(1), "b");
}

TEST(WatchEvents, TimersAndInnerRecordsAreLeftOut) {
  History history;
  history.Call(1, v1::script::TIMER);
  EXPECT_FALSE(history.LastWatchEvent());
  history.Settle(1, 0, v1::END_TIMER)->set_kind(v1::script::TIMER);
  EXPECT_FALSE(history.LastWatchEvent());
  history.Settle(1, 0, v1::END_CANCELLED)->set_kind(v1::script::TIMER);
  EXPECT_FALSE(history.LastWatchEvent());
  history.Add().mutable_returned()->set_ok(true);
  EXPECT_FALSE(history.LastWatchEvent());
}

TEST(RunView, ANodeKeepsItsFailedAttemptsAndItsWorktree) {
  History history;
  history.Submit();
  history.Call(1);
  history.Start(1, 1);
  history.End(1, 1, false);
  history.Start(1, 2);
  v1::AttemptEnded* ended = history.End(1, 2, true);
  ended->set_schema_path(v1::SCHEMA_PATH_REPAIRED);
  ended->mutable_worktree()->set_changed(true);
  history.Settle(1, 2, v1::END_DONE);
  const v1::Run run = history.Fold();
  EXPECT_FALSE(run.node(0).has_error());
  ASSERT_EQ(run.node(0).attempt_errors_size(), 1);
  EXPECT_EQ(run.node(0).attempt_errors(0).category(), v1::OVERLOADED);
  EXPECT_EQ(run.node(0).schema_path(), v1::SCHEMA_PATH_REPAIRED);
  EXPECT_TRUE(run.node(0).worktree().changed());
}

TEST(RunView, APausedRunSaysWhyUntilItGoesOn) {
  History history;
  history.Submit();
  history.Add().mutable_paused()->set_why("asked");
  EXPECT_EQ(history.Fold().state(), v1::PAUSED);
  EXPECT_EQ(history.Fold().waiting_for(0), "paused: asked");
  history.Add().mutable_unpaused();
  EXPECT_EQ(history.Fold().state(), v1::RUNNING);
  EXPECT_EQ(history.Fold().waiting_for_size(), 0);
}

TEST(RunView, APausedRunIsPausedUntilItGoesOn) {
  History history;
  history.Submit();
  history.Add().mutable_paused()->set_why("asked");
  EXPECT_EQ(history.Fold().state(), v1::PAUSED);
  EXPECT_EQ(history.LastWatchEvent()->state().state(), v1::PAUSED);
  EXPECT_EQ(history.LastWatchEvent()->state().why(), "asked");
  history.Add().mutable_unpaused()->set_by("kim");
  EXPECT_EQ(history.Fold().state(), v1::RUNNING);
  EXPECT_EQ(history.LastWatchEvent()->state().state(), v1::RUNNING);
}

TEST(RunView, ARestartedNodeIsQueuedAndItsOldAnswerIsFenced) {
  History history;
  history.Submit();
  history.Call(1);
  history.Start(1, 1);
  history.End(1, 1, true);
  history.Add().mutable_restarted()->set_node(1);
  EXPECT_EQ(history.Fold().node(0).state(), v1::NODE_QUEUED);
  EXPECT_EQ(history.LastWatchEvent()->node().state(), v1::NODE_QUEUED);
  history.Start(1, 2);
  history.End(1, 2, true)->mutable_value()->set_inline_("again");
  history.Settle(1, 2, v1::END_DONE);
  EXPECT_EQ(history.Fold().node(0).result().inline_(), "again");
}

TEST(RunView, ACachedNodeSaysWhereItsAnswerIsFromAndWhatItSaved) {
  History history;
  history.Submit();
  history.Call(1);
  v1::Settled* settled = history.Settle(1, 0, v1::END_CACHED);
  settled->set_outcome(v1::Settled::RESOLVE_JSON);
  settled->mutable_value()->set_inline_("{}");
  settled->set_from_run("wf_before");
  settled->set_from_node(4);
  settled->set_model("m");
  settled->mutable_saved_usage()->set_output_tokens(70);
  const v1::Run run = history.Fold();
  EXPECT_EQ(run.node(0).state(), v1::NODE_CACHED);
  EXPECT_EQ(run.node(0).result().inline_(), "{}");
  EXPECT_TRUE(run.node(0).result_is_json());
  EXPECT_EQ(run.node(0).cached_from_run(), "wf_before");
  EXPECT_EQ(run.node(0).cached_from_node(), 4u);
  EXPECT_EQ(run.node(0).model(), "m");
  EXPECT_EQ(run.saved_usage().output_tokens(), 70u);
  EXPECT_EQ(run.usage().output_tokens(), 0u);
}

TEST(RunView, ANodeKeepsTheErrorsOfItsAttemptsAndWhatTheLastOneBrought) {
  History history;
  history.Submit();
  history.Call(1);
  for (uint32_t attempt = 1; attempt <= 12; ++attempt) {
    history.Start(1, attempt);
    history.End(1, attempt, false);
  }
  history.Start(1, 13);
  v1::AttemptEnded* ended = history.End(1, 13, true);
  ended->set_provider("p");
  ended->set_schema_path(v1::SCHEMA_PATH_REPAIRED);
  ended->set_repair_turns(2);
  ended->add_not_enforced("network");
  ended->mutable_worktree()->set_repository("/repo");
  ended->mutable_worktree()->set_changed(true);
  history.Settle(1, 13, v1::END_DONE);
  const v1::Node node = history.Fold().node(0);
  EXPECT_EQ(node.attempt_errors_size(), kAttemptErrorsMax);
  EXPECT_FALSE(node.has_error());
  EXPECT_EQ(node.provider(), "p");
  EXPECT_EQ(node.schema_path(), v1::SCHEMA_PATH_REPAIRED);
  EXPECT_EQ(node.repair_turns(), 2u);
  EXPECT_EQ(node.not_enforced(0), "network");
  EXPECT_TRUE(node.worktree().changed());
}

TEST(RunView, WithAFallbackEachErrorNamesWhoWasAsked) {
  History history;
  history.Submit();
  history.Call(1);
  history.Call(2)->mutable_request()->add_fallback("codex/gpt-5");
  for (const uint64_t node : {1u, 2u}) {
    v1::AttemptStarted* started = history.Start(node, 1);
    started->set_runtime("claude");
    started->set_model("opus");
    history.End(node, 1, false)->mutable_error()->set_message("529");
  }
  v1::AttemptStarted* again = history.Start(2, 2);
  again->set_runtime("codex");
  again->set_model("gpt-5");
  const v1::Run run = history.Fold();
  EXPECT_EQ(run.node(0).attempt_errors(0).message(), "529");
  EXPECT_EQ(run.node(1).attempt_errors(0).message(), "claude opus: 529");
  EXPECT_EQ(run.node(1).model(), "gpt-5");
}

TEST(RunView, AForcedRunKeepsTheProviderThatACallAskedFor) {
  History history;
  history.Submit()->mutable_settings()->set_forced_runtime("mock");
  history.Call(1)->mutable_request()->set_provider("kimi");
  history.Start(1, 1)->set_runtime("mock");
  EXPECT_EQ(history.Fold().node(0).runtime(), "mock");
  EXPECT_EQ(history.Fold().node(0).provider(), "kimi");
}

}  // namespace
}  // namespace odw::model
