#include "daemon/loop/run_reader.h"

#include "daemon/model/run_view.h"

namespace odw::loop {

absl::StatusOr<v1::Run> ReadRun(journal::Journal* journal, const std::string& run_id) {
  ODW_ASSIGN_OR_RETURN(const v1::RunSummary summary, journal->ReadSummary(run_id));
  model::RunView view;
  ODW_RETURN_IF_ERROR(journal->ReadEvents(run_id, 0, [&](uint64_t seq, const v1::Event& event) {
    view.Apply(seq, event);
    return true;
  }));
  v1::Run run = view.Build();
  *run.mutable_waiting_for() = summary.waiting_for();
  run.set_overshoot_tokens(summary.overshoot_tokens());
  run.set_overshoot_micros(summary.overshoot_micros());
  return run;
}

absl::StatusOr<std::string> ReadBlobOf(journal::Journal* journal, const std::string& run_id,
                                       const v1::Blob& blob) {
  if (blob.sha256().empty()) return blob.inline_();
  return journal->ReadBlob(run_id, blob.sha256());
}

}  // namespace odw::loop
