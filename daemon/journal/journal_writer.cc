#include "daemon/journal/journal_writer.h"

#include <utility>

#include "absl/time/clock.h"
#include "daemon/base/kill_point.h"

namespace odw::journal {
namespace {

// A merged group is cut past this: a large value does not make the small ones behind it wait longer
// than one more write.
constexpr size_t kGroupBytesMax = 8u << 20;

size_t BytesOf(const Group& group) {
  size_t bytes = 0;
  for (const EventWrite& event : group.events) bytes += event.bytes.size();
  for (const BlobWrite& blob : group.blobs) bytes += blob.bytes->size();
  return bytes;
}

std::string PendingKey(const std::string& run_id, const std::string& sha256) {
  return run_id + sha256;
}

// Appends `from` to `into`. `summary_at` knows where `into` has a run's summary: the last one wins.
void Merge(Group from, Group* into, absl::flat_hash_map<std::string, size_t>* summary_at) {
  std::move(from.events.begin(), from.events.end(), std::back_inserter(into->events));
  std::move(from.blobs.begin(), from.blobs.end(), std::back_inserter(into->blobs));
  for (v1::RunSummary& summary : from.summaries) {
    const auto [at, is_new] = summary_at->try_emplace(summary.run_id(), into->summaries.size());
    if (is_new) {
      into->summaries.push_back(std::move(summary));
    } else {
      into->summaries[at->second] = std::move(summary);
    }
  }
}

std::vector<std::pair<std::string, uint64_t>> LastEvents(const Group& group) {
  absl::flat_hash_map<std::string, uint64_t> last;
  for (const EventWrite& event : group.events) {
    uint64_t& seq = last[event.run_id];
    if (event.seq > seq) seq = event.seq;
  }
  return {last.begin(), last.end()};
}

}  // namespace

JournalWriter::JournalWriter(Journal* journal, std::function<void(Committed)> committed)
    : journal_(journal), committed_(std::move(committed)), thread_([this] { Loop(); }) {}

JournalWriter::~JournalWriter() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.NotifyOne();
  thread_.join();
}

uint64_t JournalWriter::Enqueue(Group group) {
  KillPoint("journal.before_enqueue");
  uint64_t ticket;
  bool sleeping;
  {
    MutexLock lock(&mutex_);
    for (const BlobWrite& blob : group.blobs) {
      pending_blobs_.insert_or_assign(PendingKey(blob.run_id, blob.sha256),
                                      PendingBlob{blob.bytes, last_ticket_ + 1});
    }
    queued_.push_back(std::move(group));
    ticket = ++last_ticket_;
    sleeping = !writing_;
  }
  if (sleeping) wake_.NotifyOne();
  return ticket;
}

bool JournalWriter::idle() const {
  MutexLock lock(&mutex_);
  return !writing_ && queued_.empty();
}

absl::StatusOr<std::string> JournalWriter::ReadValue(const std::string& run_id,
                                                     const v1::Blob& blob) {
  if (blob.sha256().empty()) return blob.inline_();
  {
    MutexLock lock(&mutex_);
    const auto pending = pending_blobs_.find(PendingKey(run_id, blob.sha256()));
    if (pending != pending_blobs_.end()) return *pending->second.bytes;
  }
  return journal_->ReadBlob(run_id, blob.sha256());
}

bool JournalWriter::TakeGroup(Group* merged, uint64_t* ticket) {
  std::vector<Group> taken;
  {
    MutexLock lock(&mutex_);
    writing_ = false;
    while (queued_.empty()) {
      if (stopping_) return false;
      wake_.Wait(&mutex_);
    }
    size_t count = 0;
    for (size_t bytes = 0; count < queued_.size() && (count == 0 || bytes < kGroupBytesMax);
         ++count) {
      bytes += BytesOf(queued_[count]);
    }
    if (count == queued_.size()) {
      taken.swap(queued_);
    } else {
      taken.assign(std::make_move_iterator(queued_.begin()),
                   std::make_move_iterator(queued_.begin() + static_cast<ptrdiff_t>(count)));
      queued_.erase(queued_.begin(), queued_.begin() + static_cast<ptrdiff_t>(count));
    }
    *ticket = last_ticket_ - queued_.size();
    writing_ = true;
  }
  if (taken.size() == 1) {
    *merged = std::move(taken[0]);
    return true;
  }
  absl::flat_hash_map<std::string, size_t> summary_at;
  for (Group& group : taken) Merge(std::move(group), merged, &summary_at);
  return true;
}

void JournalWriter::ForgetBlobs(const Group& group, uint64_t ticket) {
  if (group.blobs.empty()) return;
  MutexLock lock(&mutex_);
  for (const BlobWrite& blob : group.blobs) {
    const auto pending = pending_blobs_.find(PendingKey(blob.run_id, blob.sha256));
    // The same value may have been queued once more since.
    if (pending != pending_blobs_.end() && pending->second.ticket <= ticket)
      pending_blobs_.erase(pending);
  }
}

void JournalWriter::Loop() {
  for (;;) {
    Group group;
    Committed committed;
    if (!TakeGroup(&group, &committed.ticket)) return;
    KillPoint("journal.before_sync");
    const absl::Time start = absl::Now();
    committed.status = journal_->Append(group);
    committed.latency = absl::Now() - start;
    KillPoint("journal.after_sync");
    committed.events = group.events.size();
    // What could not be written stays readable here: the journal will never have it.
    if (committed.status.ok()) {
      ForgetBlobs(group, committed.ticket);
      committed.runs = LastEvents(group);
    }
    committed_(std::move(committed));
  }
}

}  // namespace odw::journal
