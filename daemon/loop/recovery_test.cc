#include "daemon/loop/recovery.h"

#include <gtest/gtest.h>

#include "daemon/journal/mem_journal.h"
#include "daemon/loop/manual_clock.h"
#include "daemon/loop/reuse_reader.h"
#include "odw/v1/script.pb.h"

namespace odw::loop {
namespace {

v1::Event Called(uint64_t ordinal, const std::string& key) {
  v1::Event event;
  event.mutable_called()->set_ordinal(ordinal);
  event.mutable_called()->set_kind(v1::script::AGENT);
  event.mutable_called()->set_reuse_key(key);
  return event;
}

v1::Event Ended(uint64_t node, uint32_t attempt, bool ok, const std::string& value) {
  v1::Event event;
  v1::AttemptEnded* ended = event.mutable_attempt_ended();
  ended->set_node(node);
  ended->set_attempt(attempt);
  ended->set_ok(ok);
  ended->mutable_value()->set_inline_(value);
  ended->mutable_usage()->set_output_tokens(5);
  return event;
}

v1::Event Settled(uint64_t node, uint32_t attempt, v1::NodeEnd end) {
  v1::Event event;
  event.mutable_settled()->set_node(node);
  event.mutable_settled()->set_attempt(attempt);
  event.mutable_settled()->set_end(end);
  return event;
}

core::ReuseTable Read(const std::vector<v1::Event>& events) {
  ReuseReader reader("wf_old-run");
  for (const v1::Event& event : events) reader.Apply(event);
  return reader.Take();
}

TEST(ReuseReader, Spec_K6_OnlySuccessesAreReusable) {
  const core::ReuseTable table = Read({
      Called(1, "a"), Called(2, "b"), Called(3, "c"), Called(4, "d"),
      Ended(1, 1, true, "one"), Settled(1, 1, v1::END_DONE),
      Ended(2, 1, false, ""), Settled(2, 0, v1::END_FAILED),
      Settled(3, 0, v1::END_SKIPPED),
  });
  EXPECT_EQ(table.run_id, "wf_old-run");
  ASSERT_EQ(table.by_key.size(), 1u);
  EXPECT_EQ(table.by_key.at("a").value.inline_(), "one");
  EXPECT_EQ(table.by_key.at("a").node, 1u);
  EXPECT_EQ(table.by_key.at("a").usage.output_tokens(), 5u);
  EXPECT_EQ(table.calls, (std::vector<std::string>{"a", "", "", ""}));
}

TEST(ReuseReader, TheAnswerIsThatOfTheAttemptThatSettled) {
  const core::ReuseTable table = Read({
      Called(1, "a"), Ended(1, 1, false, ""), Ended(1, 2, true, "second"),
      Settled(1, 2, v1::END_DONE), Ended(1, 3, true, "late"),
  });
  EXPECT_EQ(table.by_key.at("a").value.inline_(), "second");
}

TEST(ReuseReader, AnAnswerThatIsNotTheOneThatSettledIsNotTaken) {
  EXPECT_TRUE(
      Read({Called(1, "a"), Ended(1, 1, true, "other"), Settled(1, 2, v1::END_DONE)}).by_key.empty());
}

TEST(ReuseReader, AnAnswerThatWasHeldWhenTheRunEndedIsPaidForToo) {
  EXPECT_EQ(Read({Called(1, "a"), Ended(1, 1, true, "held")}).by_key.count("a"), 1u);
  v1::Event restarted;
  restarted.mutable_restarted()->set_node(1);
  EXPECT_TRUE(Read({Called(1, "a"), Ended(1, 1, true, "fenced"), restarted}).by_key.empty());
}

TEST(ReuseReader, WhatWasReusedOnceIsReusedAgain) {
  v1::Event cached = Settled(1, 0, v1::END_CACHED);
  cached.mutable_settled()->set_outcome(v1::Settled::RESOLVE_JSON);
  cached.mutable_settled()->mutable_value()->set_inline_("{}");
  cached.mutable_settled()->mutable_saved_usage()->set_output_tokens(9);
  const core::ReuseTable table = Read({Called(1, "a"), cached});
  EXPECT_TRUE(table.by_key.at("a").is_json);
  EXPECT_EQ(table.by_key.at("a").usage.output_tokens(), 9u);
}

TEST(ReuseReader, Spec_P44_CallsOfAnOlderJournalHaveNoKeyAndRunAgain) {
  const core::ReuseTable table =
      Read({Called(1, ""), Ended(1, 1, true, "x"), Settled(1, 1, v1::END_DONE)});
  EXPECT_TRUE(table.by_key.empty());
  EXPECT_EQ(table.calls, (std::vector<std::string>{""}));
}

TEST(ReuseReader, ARunThatIsGoneIsNotFound) {
  journal::MemJournal journal;
  EXPECT_TRUE(absl::IsNotFound(ReadReuseTable(&journal, "wf_old-run").status()));
}

TEST(NewestTime, IsTheLastEventOfAnOpenRunOrTheEndOfAnother) {
  journal::MemJournal journal;
  EXPECT_EQ(*NewestTime(&journal), absl::UnixEpoch());
  v1::Event event = Called(1, "a");
  event.set_unix_ms(7000);
  journal::Group group;
  group.events.push_back({.run_id = "wf_open-run", .seq = 1, .bytes = event.SerializeAsString()});
  v1::RunSummary open;
  open.set_run_id("wf_open-run");
  open.set_state(v1::RUNNING);
  open.set_submitted_unix_ms(1000);
  open.set_last_event(1);
  group.summaries.push_back(open);
  ASSERT_TRUE(journal.Append(group).ok());
  EXPECT_EQ(*NewestTime(&journal), absl::FromUnixMillis(7000));
  v1::RunSummary ended;
  ended.set_run_id("wf_ended-run");
  ended.set_state(v1::COMPLETED);
  ended.set_submitted_unix_ms(2000);
  ended.set_ended_unix_ms(9000);
  ASSERT_TRUE(journal.Append({.summaries = {ended}}).ok());
  EXPECT_EQ(*NewestTime(&journal), absl::FromUnixMillis(9000));
}

TEST(ChargeEndedRuns, ChargesWhatRunsHaveUsedToday) {
  constexpr int64_t kDay = 24 * 3600;
  journal::MemJournal journal;
  const auto add = [&](const std::string& id, v1::RunState state, uint32_t day) {
    v1::RunSummary run;
    run.set_run_id(id);
    run.set_state(state);
    run.set_usage_day(day);
    run.mutable_day_usage()->set_input_tokens(10);
    ASSERT_TRUE(journal.Append({.summaries = {run}}).ok());
  };
  for (int i = 0; i < 1001; ++i) add("wf_ended-" + std::to_string(i), v1::COMPLETED, 5);  // two pages
  add("wf_yesterday", v1::FAILED, 4);
  add("wf_open-run", v1::RUNNING, 5);  // its events tell
  core::Engine engine{core::Settings{}};
  ASSERT_TRUE(ChargeEndedRuns(&journal, absl::FromUnixSeconds(5 * kDay + 1), &engine).ok());
  EXPECT_EQ(engine.world().day.UsageOn(5).input_tokens(), 10010u);
  EXPECT_EQ(engine.world().day.UsageOn(6).input_tokens(), 0u);
}

TEST(ManualClock, NeverGoesBack) {
  ManualClock clock(absl::FromUnixMillis(1000));
  clock.MoveTo(absl::FromUnixMillis(500));
  EXPECT_EQ(clock.Now(), absl::FromUnixMillis(1000));
  clock.MoveTo(absl::FromUnixMillis(1500));
  EXPECT_EQ(clock.Now(), absl::FromUnixMillis(1500));
}

}  // namespace
}  // namespace odw::loop
