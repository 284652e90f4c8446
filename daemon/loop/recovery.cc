#include "daemon/loop/recovery.h"

#include <algorithm>

#include "daemon/base/log.h"
#include "daemon/loop/reuse_reader.h"

namespace odw::loop {
namespace {

// Runs that are looked at for the newest time.
constexpr uint32_t kNewestRuns = 1000;
constexpr uint32_t kRunsAPage = 1000;

absl::Status EndDamagedRun(journal::Journal* journal, absl::Time now, v1::RunSummary summary,
                           const absl::Status& why) {
  LogError("run " + summary.run_id() + " cannot be recovered: " + MessageOf(why));
  summary.set_state(v1::FAILED);
  summary.set_ended_unix_ms(absl::ToUnixMillis(now));
  summary.mutable_error()->set_category(v1::INTERNAL);
  summary.mutable_error()->set_message("the journal's record of this run is damaged: " + MessageOf(why) +
                                       ". Submit the workflow again");
  journal::Group group;
  group.summaries.push_back(std::move(summary));
  return journal->Append(group);
}

// Each resumed run's results once, however many open runs resume it.
class ReuseTables {
 public:
  explicit ReuseTables(journal::Journal* journal) : journal_(journal) {}

  std::shared_ptr<const core::ReuseTable> Get(const std::string& run_id) {
    const auto known = tables_.find(run_id);
    if (known != tables_.end()) return known->second;
    auto read = ReadReuseTable(journal_, run_id);
    if (!read.ok()) {
      LogWarning("results of run " + run_id + " cannot be reused any more: " + MessageOf(read.status()) +
                 ". Calls that they would have answered run");
    }
    return tables_[run_id] = read.ok() ? *std::move(read) : nullptr;
  }

 private:
  journal::Journal* const journal_;
  absl::flat_hash_map<std::string, std::shared_ptr<const core::ReuseTable>> tables_;
};

}  // namespace

absl::StatusOr<Recovered> RecoverRuns(journal::Journal* journal, absl::Time now,
                                      core::Engine* engine) {
  Recovered recovered;
  ReuseTables tables(journal);
  ODW_ASSIGN_OR_RETURN(std::vector<v1::RunSummary> open, journal->OpenRuns());
  for (v1::RunSummary& summary : open) {
    absl::Status folded;
    std::string resumed_from;
    absl::Status read = journal->ReadEvents(summary.run_id(), 0, [&](uint64_t, const v1::Event& event) {
      if (event.has_submitted()) {
        recovered.versions[summary.run_id()] = event.submitted().versions();
        resumed_from = event.submitted().resumed_from();
      }
      folded = engine->Restore(summary.run_id(), event);
      ++recovered.events;
      return folded.ok();
    });
    if (read.ok() && folded.ok()) {
      ++recovered.runs;
      if (!resumed_from.empty()) engine->SetReusable(summary.run_id(), tables.Get(resumed_from));
      continue;
    }
    engine->Forget(summary.run_id());
    recovered.versions.erase(summary.run_id());
    ODW_RETURN_IF_ERROR(EndDamagedRun(journal, now, std::move(summary), read.ok() ? folded : read));
  }
  return recovered;
}

absl::Status ChargeEndedRuns(journal::Journal* journal, absl::Time now, core::Engine* engine) {
  const uint32_t today = core::DayOf(absl::ToUnixMillis(now));
  journal::ListOptions page{.states = {v1::COMPLETED, v1::FAILED, v1::KILLED, v1::NEEDS_ATTENTION},
                            .limit = kRunsAPage};
  for (;;) {
    ODW_ASSIGN_OR_RETURN(const std::vector<v1::RunSummary> runs, journal->List(page));
    for (const v1::RunSummary& run : runs) {
      if (run.usage_day() >= today) engine->ChargeDay(run.usage_day(), run.day_usage());
    }
    if (runs.size() < page.limit) return absl::OkStatus();
    page.before = runs.back().run_id();
  }
}

absl::StatusOr<absl::Time> NewestTime(journal::Journal* journal) {
  int64_t newest = 0;
  ODW_ASSIGN_OR_RETURN(const std::vector<v1::RunSummary> runs, journal->List({.limit = kNewestRuns}));
  for (const v1::RunSummary& run : runs) {
    newest = std::max({newest, run.submitted_unix_ms(), run.ended_unix_ms()});
  }
  ODW_ASSIGN_OR_RETURN(const std::vector<v1::RunSummary> open, journal->OpenRuns());
  for (const v1::RunSummary& run : open) {
    const uint64_t before_last = run.last_event() > 0 ? run.last_event() - 1 : 0;
    // A run that cannot be read says nothing here; recovery names it.
    journal
        ->ReadEvents(run.run_id(), before_last,
                     [&](uint64_t, const v1::Event& event) {
                       newest = std::max(newest, event.unix_ms());
                       return true;
                     })
        .IgnoreError();
  }
  return absl::FromUnixMillis(newest);
}

}  // namespace odw::loop
