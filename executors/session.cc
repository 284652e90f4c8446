#include "executors/session.h"

#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <deque>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include "daemon/base/log.h"
#include "daemon/base/mailbox.h"
#include "odw/v1/executor.grpc.pb.h"

namespace odw::executors {
namespace {

using odw::v1::FromExecutor;
using odw::v1::ToExecutor;

constexpr absl::Duration kReconnectLeast = absl::Milliseconds(20);
constexpr absl::Duration kReconnectMost = absl::Seconds(1);
constexpr int64_t kReconnectShare = 10;  // wait a tenth of the time away: a restart is noticed at once
// Past this many unread messages the stream is not read on.
constexpr size_t kReadAheadMax = 4096;
constexpr uint64_t kQueuedBytesMax = 4 << 20;
constexpr int kMessageBytesMax = 160 << 20;

struct StreamEvent {
  uint64_t stream = 0;
  std::optional<ToExecutor> message;
  std::string closed;  // why, when there is no message and no room
  bool room = false;
};

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& address) {
  grpc::ChannelArguments arguments;
  // A channel of its own each time: a shared one would add gRPC's own backoff of a second.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetMaxSendMessageSize(kMessageBytesMax);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

struct Session::Shared {
  Mailbox<StreamEvent> events{SIZE_MAX};  // bounded by kReadAheadMax and one close a stream
};

// One stream. Lives until gRPC's OnDone and the session's last use of it.
class Session::Stream : public grpc::ClientBidiReactor<FromExecutor, ToExecutor> {
 public:
  Stream(uint64_t id, const SessionOptions& options, std::shared_ptr<Shared> shared)
      : id_(id), shared_(std::move(shared)), channel_(OpenChannel(options.daemon_address)),
        stub_(odw::v1::Executors::NewStub(channel_)) {
    if (!options.token.empty()) context_.AddMetadata("authorization", "Bearer " + options.token);
  }

  void Open(std::shared_ptr<Stream> self, FromExecutor hello) {
    self_ = std::move(self);
    Queue(std::move(hello));
    stub_->async()->Attach(&context_, this);
    StartRead(&incoming_);
    Flush();
    StartCall();
  }

  uint64_t id() const { return id_; }

  void Queue(FromExecutor message) {
    MutexLock lock(&mutex_);
    queued_bytes_ += message.ByteSizeLong();
    queue_.push_back(std::move(message));
  }

  uint64_t queued_bytes() {
    MutexLock lock(&mutex_);
    return queued_bytes_;
  }

  void AskForRoom() {
    MutexLock lock(&mutex_);
    room_asked_ = true;
  }

  // Starts the next write unless one is under way, whose OnWriteDone goes on with the queue.
  void Flush() {
    {
      MutexLock lock(&mutex_);
      if (writing_ || broken_ || queue_.empty()) return;
      writing_ = true;
    }
    WriteNext();
  }

  // Loop thread: `count` messages of this stream have been worked off.
  void Consumed(size_t count) {
    {
      MutexLock lock(&mutex_);
      unread_ -= count;
      if (!read_paused_ || unread_ >= kReadAheadMax / 2) return;
      read_paused_ = false;
    }
    StartRead(&incoming_);
    RemoveHold();
  }

  void EndAndWait() {
    context_.TryCancel();
    bool resume = false;
    {
      MutexLock lock(&mutex_);
      resume = std::exchange(read_paused_, false);
    }
    if (resume) RemoveHold();
    MutexLock lock(&mutex_);
    while (!done_) done_changed_.Wait(&mutex_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;  // OnDone follows with the reason
    bool pause = false;
    {
      MutexLock lock(&mutex_);
      pause = ++unread_ >= kReadAheadMax;
      read_paused_ = pause;
    }
    if (pause) AddHold();
    shared_->events.Post({.stream = id_, .message = std::move(incoming_)});
    incoming_.Clear();
    if (!pause) StartRead(&incoming_);
  }

  void OnWriteDone(bool ok) override {
    bool room = false;
    {
      MutexLock lock(&mutex_);
      queued_bytes_ -= outgoing_bytes_;
      if (!ok) broken_ = true;
      writing_ = ok && !queue_.empty();
      room = room_asked_ && queued_bytes_ < kQueuedBytesMax / 2;
      if (room) room_asked_ = false;
      if (!writing_ && !room) return;
    }
    if (room) shared_->events.Post({.stream = id_, .room = true});
    bool write;
    {
      MutexLock lock(&mutex_);
      write = writing_;
    }
    if (write) WriteNext();
  }

  void OnDone(const grpc::Status& status) override {
    const std::string why = status.ok() ? "the daemon closed the stream" : status.error_message();
    shared_->events.Post({.stream = id_, .closed = why});
    const std::shared_ptr<Stream> keep = std::move(self_);
    MutexLock lock(&mutex_);
    done_ = true;
    done_changed_.NotifyAll();
  }

 private:
  // REQUIRES: writing_ was set by the caller, so that this is the only write.
  void WriteNext() {
    grpc::WriteOptions options;
    {
      MutexLock lock(&mutex_);
      outgoing_ = std::move(queue_.front());
      queue_.pop_front();
      outgoing_bytes_ = outgoing_.ByteSizeLong();
      // More to come: gRPC may gather before it calls into the kernel.
      if (!queue_.empty()) options.set_buffer_hint();
    }
    StartWrite(&outgoing_, options);
  }

  const uint64_t id_;
  const std::shared_ptr<Shared> shared_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<odw::v1::Executors::Stub> stub_;
  grpc::ClientContext context_;
  std::shared_ptr<Stream> self_;
  ToExecutor incoming_;
  FromExecutor outgoing_;
  uint64_t outgoing_bytes_ = 0;

  Mutex mutex_;
  CondVar done_changed_;
  std::deque<FromExecutor> queue_ ODW_GUARDED_BY(mutex_);
  uint64_t queued_bytes_ ODW_GUARDED_BY(mutex_) = 0;
  size_t unread_ ODW_GUARDED_BY(mutex_) = 0;
  bool writing_ ODW_GUARDED_BY(mutex_) = false;
  bool broken_ ODW_GUARDED_BY(mutex_) = false;
  bool read_paused_ ODW_GUARDED_BY(mutex_) = false;
  bool room_asked_ ODW_GUARDED_BY(mutex_) = false;
  bool done_ ODW_GUARDED_BY(mutex_) = false;
};

Session::Session(EventLoop* loop, SessionOptions options, SessionEvents* events)
    : loop_(loop), options_(std::move(options)), events_(events), shared_(std::make_shared<Shared>()) {
  loop_->Watch(shared_->events.wake_fd(), EPOLLIN, [this](uint32_t) { Drain(); });
}

Session::~Session() {
  loop_->Unwatch(shared_->events.wake_fd());
  loop_->CancelTimer(reconnect_);
  if (stream_) stream_->EndAndWait();
}

void Session::Start() {
  away_since_ = absl::Now();
  Connect();
}

void Session::Connect() {
  reconnect_ = 0;
  heard_ = false;
  FromExecutor hello;
  *hello.mutable_register_() = events_->MakeRegister();
  const uint64_t id = hello.register_().session_epoch();
  stream_ = std::make_shared<Stream>(id, options_, shared_);
  stream_->Open(stream_, std::move(hello));
}

void Session::Send(FromExecutor message) {
  if (stream_) stream_->Queue(std::move(message));
}

void Session::Flush() {
  if (stream_) stream_->Flush();
}

bool Session::HasRoom() const {
  if (!stream_) return false;
  if (stream_->queued_bytes() < kQueuedBytesMax) return true;
  stream_->AskForRoom();
  return false;
}

void Session::Drain() {
  std::vector<StreamEvent> events;
  shared_->events.TakeAll(&events);
  size_t consumed = 0;
  for (StreamEvent& event : events) {
    if (!stream_ || event.stream != stream_->id()) continue;
    if (event.message) {
      heard_ = true;
      ++consumed;
      events_->OnMessage(std::move(*event.message));
    } else if (event.room) {
      events_->OnRoom();
    } else {
      Closed(event.closed);
    }
  }
  if (stream_ && consumed > 0) stream_->Consumed(consumed);
}

void Session::Closed(const std::string& why) {
  stream_.reset();
  if (heard_) away_since_ = absl::Now();
  if (heard_ || why != last_why_) LogInfo("no daemon at " + options_.daemon_address + ": " + why);
  last_why_ = why;
  events_->OnDetached(why);
  static thread_local std::minstd_rand random{std::random_device{}()};
  const absl::Duration plain = std::clamp((absl::Now() - away_since_) / kReconnectShare,
                                          kReconnectLeast, kReconnectMost);
  const double jitter = std::uniform_real_distribution<double>(0.8, 1.2)(random);
  reconnect_ = loop_->After(plain * jitter, [this] { Connect(); });
}

}  // namespace odw::executors
