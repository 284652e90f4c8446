// What every journal must hold, for both implementations; and what the two keep apart.
#include "daemon/journal/journal.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "daemon/base/ids.h"
#include "daemon/journal/keys.h"
#include "daemon/journal/mem_journal.h"
#include "daemon/journal/rocks_journal.h"

namespace odw::journal {
namespace {

class JournalTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string(GetParam()) == "mem") {
      journal_ = std::make_unique<MemJournal>();
      return;
    }
    folder_ = std::filesystem::temp_directory_path() / ("odw_journal_" + RandomHex(6));
    auto rocks = RocksJournal::Open(folder_);
    ASSERT_TRUE(rocks.ok()) << rocks.status();
    journal_ = *std::move(rocks);
  }
  void TearDown() override {
    journal_.reset();
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  static EventWrite Line(const std::string& run_id, uint64_t seq) {
    v1::Event event;
    event.mutable_line()->set_text(run_id + "/" + std::to_string(seq));
    return {.run_id = run_id, .seq = seq, .bytes = event.SerializeAsString()};
  }
  static v1::RunSummary Summary(const std::string& run_id, int64_t at,
                                v1::RunState state = v1::RUNNING) {
    v1::RunSummary summary;
    summary.set_run_id(run_id);
    summary.set_owner("kim");
    summary.set_state(state);
    summary.set_submitted_unix_ms(at);
    return summary;
  }
  void Put(const v1::RunSummary& summary) {
    Group group;
    group.summaries.push_back(summary);
    ASSERT_TRUE(journal_->Append(group).ok());
  }
  std::vector<std::string> Texts(const std::string& run_id, uint64_t after = 0) {
    std::vector<std::string> texts;
    const absl::Status status =
        journal_->ReadEvents(run_id, after, [&](uint64_t, const v1::Event& event) {
          texts.push_back(event.line().text());
          return true;
        });
    EXPECT_TRUE(status.ok()) << status;
    return texts;
  }
  static std::vector<std::string> Ids(const std::vector<v1::RunSummary>& runs) {
    std::vector<std::string> ids;
    for (const v1::RunSummary& run : runs) ids.push_back(run.run_id());
    return ids;
  }

  std::string folder_;
  std::unique_ptr<Journal> journal_;
};

using Strings = std::vector<std::string>;

TEST_P(JournalTest, EventsComeInOrderAndPerRun) {
  Group group;
  for (uint64_t seq : {1, 2, 3}) {
    group.events.push_back(Line("wf_aaaaaa", seq));
    group.events.push_back(Line("wf_aaaaaa-1", seq));  // one id is the other's beginning
  }
  ASSERT_TRUE(journal_->Append(group).ok());
  EXPECT_EQ(Texts("wf_aaaaaa"), (Strings{"wf_aaaaaa/1", "wf_aaaaaa/2", "wf_aaaaaa/3"}));
  EXPECT_EQ(Texts("wf_aaaaaa", 2), Strings{"wf_aaaaaa/3"});
  EXPECT_EQ(Texts("wf_aaaaaa", 3), Strings{});
  EXPECT_EQ(Texts("wf_bbbbbb"), Strings{});
}

TEST_P(JournalTest, OrderHoldsPast255And65535) {
  for (uint64_t first = 1; first <= 66000; first += 1000) {
    Group group;
    for (uint64_t seq = first; seq < first + 1000; ++seq)
      group.events.push_back(Line("wf_aaaaaa", seq));
    ASSERT_TRUE(journal_->Append(group).ok());
  }
  uint64_t expected = 1;
  ASSERT_TRUE(journal_
                  ->ReadEvents("wf_aaaaaa", 0,
                               [&](uint64_t seq, const v1::Event&) { return seq == expected++; })
                  .ok());
  EXPECT_EQ(expected, 66001u);
}

TEST_P(JournalTest, AVisitorMayStop) {
  Group group;
  for (uint64_t seq : {1, 2, 3}) group.events.push_back(Line("wf_aaaaaa", seq));
  ASSERT_TRUE(journal_->Append(group).ok());
  int visits = 0;
  ASSERT_TRUE(
      journal_->ReadEvents("wf_aaaaaa", 0, [&](uint64_t, const v1::Event&) { return ++visits < 2; })
          .ok());
  EXPECT_EQ(visits, 2);
}

TEST_P(JournalTest, ALaterSummaryReplacesTheEarlier) {
  Put(Summary("wf_aaaaaa", 1));
  Put(Summary("wf_aaaaaa", 1, v1::COMPLETED));
  EXPECT_EQ(journal_->ReadSummary("wf_aaaaaa")->state(), v1::COMPLETED);
  EXPECT_EQ(journal_->ReadSummary("wf_bbbbbb").status().code(), absl::StatusCode::kNotFound);
}

TEST_P(JournalTest, BlobsComeBackWhole) {
  const auto bytes = std::make_shared<std::string>(std::string(3 << 20, 'x') + '\0' + "end");
  Group group;
  group.blobs.push_back({.run_id = "wf_aaaaaa", .sha256 = "digest", .bytes = bytes});
  ASSERT_TRUE(journal_->Append(group).ok());
  EXPECT_EQ(*journal_->ReadBlob("wf_aaaaaa", "digest"), *bytes);
  EXPECT_EQ(journal_->ReadBlob("wf_aaaaaa", "other").status().code(), absl::StatusCode::kDataLoss);
}

TEST_P(JournalTest, ListIsNewestFirstWithFiltersAndPages) {
  Put(Summary("wf_cccccc", 1));
  Put(Summary("wf_aaaaaa", 2, v1::FAILED));
  Put(Summary("wf_bbbbbb", 3));
  v1::RunSummary other = Summary("wf_dddddd", 4);
  other.set_owner("lee");
  Put(other);
  EXPECT_EQ(Ids(*journal_->List({})),
            (Strings{"wf_dddddd", "wf_bbbbbb", "wf_aaaaaa", "wf_cccccc"}));
  EXPECT_EQ(Ids(*journal_->List({.owner = "kim"})),
            (Strings{"wf_bbbbbb", "wf_aaaaaa", "wf_cccccc"}));
  EXPECT_EQ(Ids(*journal_->List({.states = {v1::FAILED}})), Strings{"wf_aaaaaa"});
  EXPECT_EQ(Ids(*journal_->List({.limit = 2})), (Strings{"wf_dddddd", "wf_bbbbbb"}));
  EXPECT_EQ(Ids(*journal_->List({.before = "wf_bbbbbb", .limit = 1})), Strings{"wf_aaaaaa"});
  EXPECT_EQ(Ids(*journal_->List({.before = "wf_cccccc"})), Strings{});
  EXPECT_EQ(journal_->List({.before = "wf_zzzzzz"}).status().code(), absl::StatusCode::kNotFound);
}

TEST_P(JournalTest, OpenRunsAreThoseThatHaveNotEndedOldestFirst) {
  Put(Summary("wf_cccccc", 3));
  Put(Summary("wf_aaaaaa", 1, v1::PAUSED));
  Put(Summary("wf_bbbbbb", 2));
  Put(Summary("wf_bbbbbb", 2, v1::KILLED));
  EXPECT_EQ(Ids(*journal_->OpenRuns()), (Strings{"wf_aaaaaa", "wf_cccccc"}));
}

TEST_P(JournalTest, AKeyIsFoundPerOwner) {
  v1::RunSummary summary = Summary("wf_aaaaaa", 1);
  summary.set_idempotency_key("nightly");
  Put(summary);
  EXPECT_EQ(journal_->FindByKey("kim", "nightly")->run_id(), "wf_aaaaaa");
  EXPECT_TRUE(absl::IsNotFound(journal_->FindByKey("lee", "nightly").status()));
  EXPECT_TRUE(absl::IsNotFound(journal_->FindByKey("kim", "night").status()));
}

TEST_P(JournalTest, ADeletedRunLeavesNothingAndItsNeighboursAlone) {
  for (const char* id : {"wf_aaaaaa", "wf_aaaaaa-1"}) {
    Group group;
    group.events.push_back(Line(id, 1));
    group.blobs.push_back(
        {.run_id = id, .sha256 = "d", .bytes = std::make_shared<std::string>("b")});
    v1::RunSummary summary = Summary(id, 1, v1::COMPLETED);
    summary.set_idempotency_key(id);
    group.summaries.push_back(summary);
    ASSERT_TRUE(journal_->Append(group).ok());
  }
  ASSERT_TRUE(journal_->DeleteRun("wf_aaaaaa").ok());
  EXPECT_TRUE(absl::IsNotFound(journal_->ReadSummary("wf_aaaaaa").status()));
  EXPECT_EQ(Texts("wf_aaaaaa"), Strings{});
  EXPECT_FALSE(journal_->ReadBlob("wf_aaaaaa", "d").ok());
  EXPECT_TRUE(absl::IsNotFound(journal_->FindByKey("kim", "wf_aaaaaa").status()));
  EXPECT_EQ(Ids(*journal_->List({})), Strings{"wf_aaaaaa-1"});
  EXPECT_EQ(Texts("wf_aaaaaa-1"), Strings{"wf_aaaaaa-1/1"});
  EXPECT_TRUE(journal_->ReadBlob("wf_aaaaaa-1", "d").ok());
}

TEST_P(JournalTest, AnOpenRunIsNotDeleted) {
  Put(Summary("wf_aaaaaa", 1));
  EXPECT_EQ(journal_->DeleteRun("wf_aaaaaa").code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(absl::IsNotFound(journal_->DeleteRun("wf_bbbbbb")));
}

INSTANTIATE_TEST_SUITE_P(Both, JournalTest, testing::Values("mem", "rocks"),
                         [](const auto& info) { return std::string(info.param); });

TEST(MemJournal, AnUnsyncedTailIsLostInWholeGroups) {
  MemJournal journal;
  for (const char* id : {"wf_aaaaaa", "wf_bbbbbb", "wf_cccccc"}) {
    Group group;
    group.summaries.emplace_back().set_run_id(id);
    ASSERT_TRUE(journal.AppendUnsynced(group).ok());
  }
  EXPECT_TRUE(absl::IsNotFound(journal.ReadSummary("wf_aaaaaa").status()));
  journal.LoseUnsynced(/*kept=*/1);
  EXPECT_TRUE(journal.ReadSummary("wf_aaaaaa").ok());
  EXPECT_TRUE(absl::IsNotFound(journal.ReadSummary("wf_bbbbbb").status()));
  EXPECT_EQ(journal.unsynced_groups(), 0u);
}

TEST(MemJournal, APlantedFailureIsStickyUntilARestart) {
  MemJournal journal;
  journal.FailSync(2, absl::ResourceExhaustedError("full"));
  Group group;
  group.summaries.emplace_back().set_run_id("wf_aaaaaa");
  EXPECT_TRUE(journal.Append(group).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(journal.Append(group)));
  EXPECT_TRUE(absl::IsResourceExhausted(journal.Append(group)));
  journal.LoseUnsynced();
  EXPECT_TRUE(journal.Append(group).ok());
}

TEST(MemJournal, ACorruptRecordIsThatRunsAlone) {
  MemJournal journal;
  Group group;
  for (const char* id : {"wf_aaaaaa", "wf_bbbbbb"}) {
    v1::Event event;
    event.mutable_line()->set_text("x");
    group.events.push_back({.run_id = id, .seq = 1, .bytes = event.SerializeAsString()});
  }
  ASSERT_TRUE(journal.Append(group).ok());
  journal.Corrupt("wf_aaaaaa", 1);
  const auto visit = [](uint64_t, const v1::Event&) { return true; };
  EXPECT_EQ(journal.ReadEvents("wf_aaaaaa", 0, visit).code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(journal.ReadEvents("wf_bbbbbb", 0, visit).ok());
}

TEST(Keys, EventKeysSortByNumber) {
  EXPECT_LT(EventKey("wf_aaaaaa", 255), EventKey("wf_aaaaaa", 256));
  EXPECT_LT(EventKey("wf_aaaaaa", UINT64_MAX), RunPrefixEnd("wf_aaaaaa"));
  EXPECT_LT(RunPrefixEnd("wf_aaaaaa"), EventKey("wf_aaaaaa-1", 1));
  EXPECT_EQ(SeqOfEventKey(EventKey("wf_aaaaaa", 7), "wf_aaaaaa"), 7u);
  EXPECT_FALSE(SeqOfEventKey(EventKey("wf_aaaaaa-1", 7), "wf_aaaaaa"));
  EXPECT_EQ(RunOfTimeKey(TimeKey(kTimeIndex, 5, "wf_aaaaaa")), "wf_aaaaaa");
  EXPECT_LT(TimeKey(kTimeIndex, 5, "wf_zzzzzz"), TimeKey(kTimeIndex, 6, "wf_aaaaaa"));
}

}  // namespace
}  // namespace odw::journal
