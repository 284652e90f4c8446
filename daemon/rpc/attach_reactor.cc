#include "daemon/rpc/attach_reactor.h"

#include <utility>

#include "daemon/base/version.h"
#include "daemon/config/config.h"
#include "daemon/rpc/status_convert.h"

namespace odw::rpc {
namespace {

constexpr size_t kIdBytesMax = 256;
constexpr int kHeldMax = 1000000;
// What a message costs in memory beside its prompt.
constexpr size_t kMessageOverheadBytes = 512;

size_t BytesOf(const v1::ToExecutor& message) {
  return kMessageOverheadBytes +
         (message.has_assign() ? message.assign().request().prompt().size() : 0);
}

absl::Status CheckRegister(const v1::Register& info) {
  if (info.protocol_version() != kExecutorProtocolVersion) {
    return absl::FailedPreconditionError(
        "this executor (" + info.version() + ") speaks protocol " +
        std::to_string(info.protocol_version()) + " and odwd " + kVersion + " speaks protocol " +
        std::to_string(kExecutorProtocolVersion) + ": install both from the same release");
  }
  if (info.executor_id().empty() || info.executor_id().size() > kIdBytesMax) {
    return absl::InvalidArgumentError("register: executor_id must have 1 to 256 bytes");
  }
  if (info.runtime().empty() || info.runtime().size() > kIdBytesMax) {
    return absl::InvalidArgumentError("register: runtime must have 1 to 256 bytes");
  }
  if (info.slots() < 1 || info.slots() > config::kSlotsMax) {
    return absl::InvalidArgumentError("register: slots is " + std::to_string(info.slots()) +
                                      " and must be from 1 to " +
                                      std::to_string(config::kSlotsMax));
  }
  if (info.held_size() > kHeldMax)
    return absl::ResourceExhaustedError("register: too many held tasks");
  return absl::OkStatus();
}

}  // namespace

void AttachReactor::Start() {
  self_ = shared_from_this();
  absl::StatusOr<core::SessionId> id = hub_->AddSession(self_);
  if (!id.ok()) {
    MutexLock lock(&mutex_);
    return FinishOnce(id.status());
  }
  id_ = *id;
  StartRead(&incoming_);
}

void AttachReactor::Refuse(const absl::Status& status) {
  self_ = shared_from_this();
  MutexLock lock(&mutex_);
  FinishOnce(status);
}

void AttachReactor::Send(v1::ToExecutor message) {
  MutexLock lock(&mutex_);
  if (closing_ || finished_) return;
  const size_t bytes = BytesOf(message);
  if (queue_.size() >= kOutboundMessagesMax || queued_bytes_ + bytes > kOutboundBytesMax) {
    return FinishOnce(absl::ResourceExhaustedError("the executor does not read what it is sent"));
  }
  queued_bytes_ += bytes;
  queue_.push_back(std::move(message));
  MaybeWrite();
}

void AttachReactor::Close(absl::Status why) {
  MutexLock lock(&mutex_);
  if (closing_) return;
  closing_ = true;
  why_ = std::move(why);
  MaybeWrite();
}

void AttachReactor::MaybeWrite() {
  if (writing_ || finished_) return;
  if (queue_.empty()) {
    if (closing_) FinishOnce(why_);
    return;
  }
  current_ = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= BytesOf(current_);
  writing_ = true;
  grpc::WriteOptions options;
  // Never on the first, for gRPC would hold the stream's headers back with it and then wait for
  // them.
  if (started_writing_ && !queue_.empty()) options.set_buffer_hint();
  started_writing_ = true;
  StartWrite(&current_, options);
}

void AttachReactor::FinishOnce(const absl::Status& status) {
  if (finished_) return;
  finished_ = true;
  queue_.clear();
  Finish(ToGrpc(status));
}

absl::Status AttachReactor::Take(v1::FromExecutor message) {
  if (message.body_case() == v1::FromExecutor::BODY_NOT_SET)
    return absl::OkStatus();  // a newer kind
  if (!registered_) {
    if (!message.has_register_()) {
      return absl::InvalidArgumentError("the first message of a stream must be Register");
    }
    ODW_RETURN_IF_ERROR(CheckRegister(message.register_()));
    registered_ = true;
    hub_->NameSession(id_, message.register_());
    inbox_->Post(
        core::ExecutorAttached{.session = id_, .info = std::move(*message.mutable_register_())});
    return absl::OkStatus();
  }
  if (message.has_register_())
    return absl::InvalidArgumentError("Register came twice on one stream");
  if (message.has_repository_reply()) {
    hub_->OnRepositoryReply(id_, std::move(*message.mutable_repository_reply()));
    return absl::OkStatus();
  }
  inbox_->Post(core::ExecutorSaid{.session = id_, .message = std::move(message)});
  return absl::OkStatus();
}

void AttachReactor::OnReadDone(bool ok) {
  if (!ok) {
    MutexLock lock(&mutex_);
    return FinishOnce(absl::OkStatus());
  }
  const absl::Status taken = Take(std::move(incoming_));
  if (!taken.ok()) {
    MutexLock lock(&mutex_);
    return FinishOnce(taken);
  }
  incoming_.Clear();
  StartRead(&incoming_);
}

void AttachReactor::OnWriteDone(bool ok) {
  MutexLock lock(&mutex_);
  writing_ = false;
  if (!ok) return FinishOnce(absl::CancelledError("the executor has gone"));
  MaybeWrite();
}

void AttachReactor::OnCancel() {
  MutexLock lock(&mutex_);
  FinishOnce(absl::CancelledError("the executor has gone"));
}

void AttachReactor::OnDone() {
  const std::shared_ptr<AttachReactor> self = std::move(self_);
  hub_->RemoveSession(id_);
  if (registered_) inbox_->Post(core::ExecutorDetached{.session = id_});
}

}  // namespace odw::rpc
