#include "daemon/journal/mem_journal.h"

#include <algorithm>

#include "daemon/base/check.h"

namespace odw::journal {
namespace {

bool IsOpen(v1::RunState state) { return state == v1::RUNNING || state == v1::PAUSED; }

bool Earlier(const v1::RunSummary& a, const v1::RunSummary& b) {
  if (a.submitted_unix_ms() != b.submitted_unix_ms()) {
    return a.submitted_unix_ms() < b.submitted_unix_ms();
  }
  return a.run_id() < b.run_id();
}

}  // namespace

absl::Status MemJournal::Append(const Group& group) {
  ODW_RETURN_IF_ERROR(AppendUnsynced(group));
  return Sync();
}

absl::Status MemJournal::AppendUnsynced(Group group) {
  MutexLock lock(&mutex_);
  ODW_RETURN_IF_ERROR(error_);
  unsynced_.push_back(std::move(group));
  return absl::OkStatus();
}

absl::Status MemJournal::Sync() {
  MutexLock lock(&mutex_);
  ODW_RETURN_IF_ERROR(error_);
  if (syncs_to_failure_ > 0 && --syncs_to_failure_ == 0) {
    error_ = planted_;
    return error_;
  }
  for (const Group& group : unsynced_) Apply(group);
  unsynced_.clear();
  return absl::OkStatus();
}

size_t MemJournal::unsynced_groups() const {
  MutexLock lock(&mutex_);
  return unsynced_.size();
}

void MemJournal::LoseUnsynced(size_t kept) {
  MutexLock lock(&mutex_);
  for (size_t i = 0; i < kept && i < unsynced_.size(); ++i) Apply(unsynced_[i]);
  unsynced_.clear();
  error_ = absl::OkStatus();
}

void MemJournal::FailSync(size_t nth, absl::Status status) {
  MutexLock lock(&mutex_);
  syncs_to_failure_ = nth;
  planted_ = std::move(status);
}

void MemJournal::Corrupt(const std::string& run_id, uint64_t seq) {
  MutexLock lock(&mutex_);
  runs_[run_id].corrupt[seq] = true;
}

void MemJournal::Apply(const Group& group) {
  for (const BlobWrite& blob : group.blobs) runs_[blob.run_id].blobs[blob.sha256] = *blob.bytes;
  for (const EventWrite& event : group.events) {
    auto& events = runs_[event.run_id].events;
    const uint64_t last = events.empty() ? 0 : events.rbegin()->first;
    ODW_CHECK(event.seq == last + 1);
    events[event.seq] = event.bytes;
  }
  for (const v1::RunSummary& summary : group.summaries) runs_[summary.run_id()].summary = summary;
}

absl::StatusOr<v1::RunSummary> MemJournal::Summary(const std::string& run_id) {
  const auto run = runs_.find(run_id);
  if (run == runs_.end() || run->second.summary.run_id().empty()) {
    return absl::NotFoundError("no run " + run_id);
  }
  if (run->second.corrupt.count(0) > 0) {
    return absl::DataLossError("the journal's summary of run " + run_id + " cannot be read");
  }
  return run->second.summary;
}

absl::StatusOr<v1::RunSummary> MemJournal::ReadSummary(const std::string& run_id) {
  MutexLock lock(&mutex_);
  return Summary(run_id);
}

absl::Status MemJournal::ReadEvents(const std::string& run_id, uint64_t after,
                                    const std::function<bool(uint64_t, const v1::Event&)>& visit) {
  std::map<uint64_t, std::string> events;
  std::map<uint64_t, bool> corrupt;
  {
    MutexLock lock(&mutex_);
    const auto run = runs_.find(run_id);
    if (run == runs_.end()) return absl::OkStatus();
    events.insert(run->second.events.upper_bound(after), run->second.events.end());
    corrupt = run->second.corrupt;
  }
  v1::Event event;
  for (const auto& [seq, bytes] : events) {
    if (corrupt.count(seq) > 0 || !event.ParseFromString(bytes)) {
      return absl::DataLossError("the journal's record " + std::to_string(seq) + " of run " +
                                 run_id + " cannot be read");
    }
    if (!visit(seq, event)) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> MemJournal::ReadBlob(const std::string& run_id,
                                                 const std::string& sha256) {
  MutexLock lock(&mutex_);
  const auto run = runs_.find(run_id);
  if (run != runs_.end()) {
    const auto blob = run->second.blobs.find(sha256);
    if (blob != run->second.blobs.end()) return blob->second;
  }
  return absl::DataLossError("a value of run " + run_id + " cannot be read from the journal");
}

absl::StatusOr<std::vector<v1::RunSummary>> MemJournal::List(const ListOptions& options) {
  MutexLock lock(&mutex_);
  std::vector<v1::RunSummary> runs;
  v1::RunSummary before;
  if (!options.before.empty()) {
    ODW_ASSIGN_OR_RETURN(before, Summary(options.before));
  }
  for (const auto& [id, run] : runs_) {
    const v1::RunSummary& summary = run.summary;
    if (summary.run_id().empty() || run.corrupt.count(0) > 0) continue;
    if (!options.owner.empty() && summary.owner() != options.owner) continue;
    if (!options.states.empty() && std::find(options.states.begin(), options.states.end(),
                                             summary.state()) == options.states.end()) {
      continue;
    }
    if (!options.before.empty() && !Earlier(summary, before)) continue;
    runs.push_back(summary);
  }
  std::sort(runs.begin(), runs.end(),
            [](const v1::RunSummary& a, const v1::RunSummary& b) { return Earlier(b, a); });
  if (runs.size() > options.limit) runs.resize(options.limit);
  return runs;
}

absl::StatusOr<std::vector<v1::RunSummary>> MemJournal::OpenRuns() {
  MutexLock lock(&mutex_);
  std::vector<v1::RunSummary> runs;
  for (const auto& [id, run] : runs_) {
    if (IsOpen(run.summary.state()) && run.corrupt.count(0) == 0) runs.push_back(run.summary);
  }
  std::sort(runs.begin(), runs.end(), Earlier);
  return runs;
}

absl::StatusOr<v1::RunSummary> MemJournal::FindByKey(const std::string& owner,
                                                     const std::string& key) {
  MutexLock lock(&mutex_);
  for (const auto& [id, run] : runs_) {
    if (run.summary.owner() == owner && run.summary.idempotency_key() == key && !key.empty()) {
      return run.summary;
    }
  }
  return absl::NotFoundError("no run holds this idempotency key");
}

absl::Status MemJournal::DeleteRun(const std::string& run_id) {
  MutexLock lock(&mutex_);
  ODW_ASSIGN_OR_RETURN(const v1::RunSummary summary, Summary(run_id));
  if (IsOpen(summary.state())) {
    return absl::FailedPreconditionError("run " + run_id + " has not ended: stop it first");
  }
  runs_.erase(run_id);
  return absl::OkStatus();
}

}  // namespace odw::journal
