#include "daemon/rpc/watch_reactor.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "daemon/model/run_view.h"
#include "daemon/rpc/status_convert.h"

namespace odw::rpc {

WatchReactor::WatchReactor(Deps deps, std::string owner, std::string run_id, uint64_t after)
    : deps_(deps),
      scope_(deps.activity),
      owner_(std::move(owner)),
      run_id_(std::move(run_id)),
      // After the last number that there can be comes none.
      after_(std::min(after, std::numeric_limits<uint64_t>::max() - 1)) {}

void WatchReactor::Start(const absl::Status& admitted) {
  self_ = shared_from_this();
  // Registered before the first read, so that no commit falls between the two.
  const absl::Status added = admitted.ok() ? deps_.hub->AddWatcher(run_id_, self_) : admitted;
  MutexLock lock(&mutex_);
  if (!added.ok()) return FinishOnce(added);
  MaybeRead();
}

void WatchReactor::OnEvents(uint64_t last) {
  MutexLock lock(&mutex_);
  if (last <= after_) return;
  wanted_ = true;
  MaybeRead();
}

void WatchReactor::OnEnded() {
  MutexLock lock(&mutex_);
  wanted_ = true;
  hurried_ = true;
  MaybeRead();
}

void WatchReactor::OnPace() {
  MutexLock lock(&mutex_);
  resting_ = false;
  MaybeRead();
}

void WatchReactor::Fail(const absl::Status& status) {
  MutexLock lock(&mutex_);
  if (ending_) return;
  ending_ = true;
  end_ = status;
  MaybeWrite();
}

void WatchReactor::OnProgress(const v1::NodeProgress& progress) {
  MutexLock lock(&mutex_);
  // Before the first read it is not known yet whether the caller may see this run.
  if (!checked_ || ending_ || finished_) return;
  if (progress_.size() >= kProgressNodesMax && progress_.count(progress.ordinal()) == 0) return;
  progress_[progress.ordinal()] = progress;
  MaybeWrite();
}

void WatchReactor::OnWriteDone(bool ok) {
  MutexLock lock(&mutex_);
  writing_ = false;
  if (!ok) return FinishOnce(absl::CancelledError("the watcher has gone"));
  MaybeWrite();
  MaybeRead();
}

void WatchReactor::OnCancel() {
  MutexLock lock(&mutex_);
  FinishOnce(absl::CancelledError("the watcher has gone"));
}

void WatchReactor::OnDone() {
  deps_.hub->RemoveWatcher(run_id_, this);
  const std::shared_ptr<WatchReactor> self = std::move(self_);
}

void WatchReactor::MaybeRead() {
  if (reading_ || !wanted_ || ending_ || finished_ || !buffer_.empty()) return;
  if (resting_ && !hurried_) return;
  hurried_ = false;
  reading_ = true;
  wanted_ = false;
  deps_.pool->Post([self = shared_from_this()] { self->Read(); });
}

void WatchReactor::MaybeWrite() {
  if (writing_ || finished_) return;
  if (!buffer_.empty()) {
    current_ = std::move(buffer_.front());
    buffer_.pop_front();
  } else if (ending_) {
    return FinishOnce(end_);
  } else if (!progress_.empty()) {
    current_.Clear();
    current_.set_unix_ms(absl::ToUnixMillis(absl::Now()));
    *current_.mutable_progress() = std::move(progress_.begin()->second);
    progress_.erase(progress_.begin());
  } else {
    return;
  }
  writing_ = true;
  grpc::WriteOptions options;
  // More follows at once: let gRPC put several messages into one system call. Never on the first,
  // for gRPC would hold the stream's headers back with it and then wait for them.
  if (started_writing_ && !buffer_.empty()) options.set_buffer_hint();
  started_writing_ = true;
  StartWrite(&current_, options);
}

void WatchReactor::FinishOnce(const absl::Status& status) {
  if (finished_) return;
  finished_ = true;
  buffer_.clear();
  Finish(ToGrpc(status));
}

absl::Status WatchReactor::CheckRun() {
  ODW_ASSIGN_OR_RETURN(const v1::RunSummary summary, deps_.journal->ReadSummary(run_id_));
  if (summary.owner() != owner_) return absl::NotFoundError("no run " + run_id_);
  return absl::OkStatus();
}

void WatchReactor::Read() {
  uint64_t after;
  bool checked;
  {
    MutexLock lock(&mutex_);
    after = after_;
    checked = checked_;
  }
  Batch batch;
  if (!checked) batch.status = CheckRun();
  if (batch.status.ok()) batch = ReadBatch(after);

  MutexLock lock(&mutex_);
  reading_ = false;
  checked_ = true;
  if (finished_) return;
  if (batch.last > after_) after_ = batch.last;
  for (v1::WatchEvent& event : batch.events) buffer_.push_back(std::move(event));
  if (batch.full) wanted_ = hurried_ = true;
  if (!resting_ && !batch.full) {
    // A busy run commits a thousand times a second; nobody looks that often.
    resting_ = true;
    deps_.pool->PostLater([self = shared_from_this()] { self->OnPace(); });
  }
  if (batch.ended || !batch.status.ok()) {
    ending_ = true;
    end_ = batch.status;
  }
  MaybeWrite();
  MaybeRead();
}

WatchReactor::Batch WatchReactor::ReadBatch(uint64_t after) {
  Batch batch;
  size_t records = 0;
  batch.status =
      deps_.journal->ReadEvents(run_id_, after, [&](uint64_t seq, const v1::Event& event) {
        batch.last = seq;
        std::optional<v1::RunSummary> summary;
        if (event.has_ended()) {
          batch.ended = true;
          absl::StatusOr<v1::RunSummary> read = deps_.journal->ReadSummary(run_id_);
          if (read.ok()) summary = *std::move(read);
        }
        auto out = model::ToWatchEvent(seq, event, summary ? &*summary : nullptr);
        if (out) batch.events.push_back(*std::move(out));
        batch.full = ++records == kWatchBatchEvents;
        return !batch.full && !batch.ended;
      });
  // A watcher that starts past the end of an ended run has nothing to wait for.
  if (batch.status.ok() && records == 0) {
    const absl::StatusOr<v1::RunSummary> summary = deps_.journal->ReadSummary(run_id_);
    if (summary.ok() && model::IsEnded(summary->state()) && summary->last_event() <= after) {
      batch.ended = true;
    }
  }
  return batch;
}

}  // namespace odw::rpc
