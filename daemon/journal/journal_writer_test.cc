#include "daemon/journal/journal_writer.h"

#include <gtest/gtest.h>

#include "daemon/journal/mem_journal.h"

namespace odw::journal {
namespace {

// A journal whose writes wait until the test lets them through.
class GatedJournal : public MemJournal {
 public:
  absl::Status Append(const Group& group) override {
    {
      MutexLock lock(&mutex_);
      ++entered_;
      changed_.NotifyAll();
      while (open_ < entered_) changed_.Wait(&mutex_);
      groups_.push_back(group);
    }
    return MemJournal::Append(group);
  }
  void WaitUntilEntered(int times) {
    MutexLock lock(&mutex_);
    while (entered_ < times) changed_.Wait(&mutex_);
  }
  void Open(int times) {
    MutexLock lock(&mutex_);
    open_ += times;
    changed_.NotifyAll();
  }
  std::vector<Group> groups() {
    MutexLock lock(&mutex_);
    return groups_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int entered_ = 0;
  int open_ = 0;
  std::vector<Group> groups_;
};

class Commits {
 public:
  std::function<void(Committed)> Callback() {
    return [this](Committed committed) {
      MutexLock lock(&mutex_);
      all_.push_back(std::move(committed));
      changed_.NotifyAll();
    };
  }
  Committed WaitFor(uint64_t ticket) {
    MutexLock lock(&mutex_);
    while (all_.empty() || all_.back().ticket < ticket) changed_.Wait(&mutex_);
    return all_.back();
  }
  size_t count() {
    MutexLock lock(&mutex_);
    return all_.size();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<Committed> all_;
};

Group OneEvent(const std::string& run_id, uint64_t seq, v1::RunState state = v1::RUNNING) {
  Group group;
  v1::Event event;
  event.mutable_line()->set_text("x");
  group.events.push_back({.run_id = run_id, .seq = seq, .bytes = event.SerializeAsString()});
  v1::RunSummary& summary = group.summaries.emplace_back();
  summary.set_run_id(run_id);
  summary.set_last_event(seq);
  summary.set_state(state);
  return group;
}

TEST(JournalWriter, GroupsQueuedDuringASyncAreWrittenAsOne) {
  GatedJournal journal;
  Commits commits;
  JournalWriter writer(&journal, commits.Callback());
  EXPECT_TRUE(writer.idle());
  EXPECT_EQ(writer.Enqueue(OneEvent("wf_aaaaaa", 1)), 1u);
  journal.WaitUntilEntered(1);
  EXPECT_FALSE(writer.idle());
  EXPECT_EQ(writer.Enqueue(OneEvent("wf_aaaaaa", 2)), 2u);
  EXPECT_EQ(writer.Enqueue(OneEvent("wf_bbbbbb", 1)), 3u);
  EXPECT_EQ(writer.Enqueue(OneEvent("wf_aaaaaa", 3, v1::COMPLETED)), 4u);
  journal.Open(2);
  const Committed last = commits.WaitFor(4);
  EXPECT_EQ(commits.count(), 2u);
  EXPECT_EQ(last.events, 3u);
  EXPECT_EQ(last.runs.size(), 2u);
  for (const auto& [run_id, seq] : last.runs) EXPECT_EQ(seq, run_id == "wf_aaaaaa" ? 3u : 1u);
  const Group merged = journal.groups()[1];
  EXPECT_EQ(merged.events.size(), 3u);
  ASSERT_EQ(merged.summaries.size(), 2u) << "the last summary of a run wins";
  EXPECT_EQ(merged.summaries[0].state(), v1::COMPLETED);
  EXPECT_EQ(merged.summaries[0].last_event(), 3u);
}

TEST(JournalWriter, AValueIsReadableBeforeAndAfterItsCommit) {
  GatedJournal journal;
  Commits commits;
  JournalWriter writer(&journal, commits.Callback());
  Group group = OneEvent("wf_aaaaaa", 1);
  group.blobs.push_back(
      {.run_id = "wf_aaaaaa", .sha256 = "digest", .bytes = std::make_shared<std::string>("value")});
  v1::Blob blob;
  blob.set_sha256("digest");
  writer.Enqueue(std::move(group));
  EXPECT_EQ(*writer.ReadValue("wf_aaaaaa", blob), "value");
  EXPECT_FALSE(writer.ReadValue("wf_bbbbbb", blob).ok());
  journal.Open(1);
  commits.WaitFor(1);
  EXPECT_EQ(*writer.ReadValue("wf_aaaaaa", blob), "value");
  v1::Blob inlined;
  inlined.set_inline_("small");
  EXPECT_EQ(*writer.ReadValue("wf_aaaaaa", inlined), "small");
}

TEST(JournalWriter, AFailedSyncFailsEveryLaterTicket) {
  MemJournal journal;
  journal.FailSync(2, absl::ResourceExhaustedError("full"));
  Commits commits;
  JournalWriter writer(&journal, commits.Callback());
  writer.Enqueue(OneEvent("wf_aaaaaa", 1));
  EXPECT_TRUE(commits.WaitFor(1).status.ok());
  writer.Enqueue(OneEvent("wf_aaaaaa", 2));
  EXPECT_TRUE(absl::IsResourceExhausted(commits.WaitFor(2).status));
  writer.Enqueue(OneEvent("wf_aaaaaa", 3));
  const Committed third = commits.WaitFor(3);
  EXPECT_TRUE(absl::IsResourceExhausted(third.status));
  EXPECT_TRUE(third.runs.empty()) << "nothing became durable";
}

TEST(JournalWriter, CommitsWhatIsQueuedBeforeItEnds) {
  MemJournal journal;
  Commits commits;
  {
    JournalWriter writer(&journal, commits.Callback());
    for (uint64_t seq = 1; seq <= 100; ++seq) writer.Enqueue(OneEvent("wf_aaaaaa", seq));
  }
  EXPECT_EQ(journal.ReadSummary("wf_aaaaaa")->last_event(), 100u);
}

TEST(JournalWriter, AGroupIsCutWhereItGrowsLarge) {
  GatedJournal journal;
  Commits commits;
  JournalWriter writer(&journal, commits.Callback());
  writer.Enqueue(OneEvent("wf_aaaaaa", 1));
  journal.WaitUntilEntered(1);
  for (uint64_t seq = 2; seq <= 4; ++seq) {
    Group group = OneEvent("wf_aaaaaa", seq);
    group.blobs.push_back({.run_id = "wf_aaaaaa",
                           .sha256 = std::to_string(seq),
                           .bytes = std::make_shared<std::string>(6u << 20, 'x')});
    writer.Enqueue(std::move(group));
  }
  journal.Open(3);
  commits.WaitFor(4);
  EXPECT_EQ(commits.count(), 3u) << "1, 2+3, 4";
}

}  // namespace
}  // namespace odw::journal
