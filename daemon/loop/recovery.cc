#include "daemon/loop/recovery.h"

#include "daemon/base/log.h"

namespace odw::loop {
namespace {

absl::Status EndDamagedRun(journal::Journal* journal, v1::RunSummary summary, const absl::Status& why) {
  LogError("run " + summary.run_id() + " cannot be recovered: " + MessageOf(why));
  summary.set_state(v1::FAILED);
  summary.set_ended_unix_ms(absl::ToUnixMillis(absl::Now()));
  summary.mutable_error()->set_category(v1::INTERNAL);
  summary.mutable_error()->set_message("the journal's record of this run is damaged: " + MessageOf(why) +
                                       ". Submit the workflow again");
  journal::Group group;
  group.summaries.push_back(std::move(summary));
  return journal->Append(group);
}

}  // namespace

absl::StatusOr<Recovered> RecoverRuns(journal::Journal* journal, core::Engine* engine) {
  Recovered recovered;
  ODW_ASSIGN_OR_RETURN(std::vector<v1::RunSummary> open, journal->OpenRuns());
  for (v1::RunSummary& summary : open) {
    absl::Status folded;
    absl::Status read = journal->ReadEvents(summary.run_id(), 0, [&](uint64_t, const v1::Event& event) {
      folded = engine->Restore(summary.run_id(), event);
      ++recovered.events;
      return folded.ok();
    });
    if (read.ok() && folded.ok()) {
      ++recovered.runs;
      continue;
    }
    engine->Forget(summary.run_id());
    ODW_RETURN_IF_ERROR(EndDamagedRun(journal, std::move(summary), read.ok() ? folded : read));
  }
  return recovered;
}

}  // namespace odw::loop
