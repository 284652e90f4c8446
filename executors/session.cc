#include "executors/session.h"

#include <grpcpp/grpcpp.h>
#include <poll.h>

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
  grpc::CompletionQueue queue;            // its one thread waits in Next; gRPC has no other of ours
};

// One stream. Its operations complete on the queue's thread; the rest is the loop's. It belongs to the
// session until its close event has been taken: from then on gRPC holds nothing of it.
class Session::Stream {
 public:
  Stream(uint64_t id, const SessionOptions& options, std::shared_ptr<Shared> shared)
      : id_(id), shared_(std::move(shared)), channel_(OpenChannel(options.daemon_address)),
        stub_(odw::v1::Executors::NewStub(channel_)) {
    if (!options.token.empty()) context_.AddMetadata("authorization", "Bearer " + options.token);
  }

  void Open(FromExecutor hello) {
    Queue(std::move(hello));
    call_ = stub_->PrepareAsyncAttach(&context_, &shared_->queue);
    call_->StartCall(&start_tag_);
  }

  uint64_t id() const { return id_; }
  void Cancel() {
    context_.TryCancel();
    ResumeReading(0);  // a read must be under way to see the end
  }

  void Queue(FromExecutor message) {
    MutexLock lock(&mutex_);
    queued_bytes_ += message.ByteSizeLong();
    queue_.push_back(std::move(message));
  }

  // False: an event will tell when there is room again.
  bool HasRoom() {
    MutexLock lock(&mutex_);
    if (queued_bytes_ < kQueuedBytesMax) return true;
    room_asked_ = true;
    return false;
  }

  // Starts the next write unless one is under way, whose completion goes on with the queue.
  void Flush() {
    {
      MutexLock lock(&mutex_);
      if (!started_ || writing_ || ended_ || queue_.empty()) return;
      writing_ = true;
    }
    WriteNext();
  }

  // `count` messages of this stream have been worked off.
  void Consumed(size_t count) {
    {
      MutexLock lock(&mutex_);
      unread_ -= count;
    }
    ResumeReading(kReadAheadMax / 2);
  }

 private:
  friend class Session;
  struct Tag {
    Stream* stream;
    void (Stream::*done)(bool ok);
  };

  void OnStart(bool ok) {
    if (!ok) return End();
    {
      MutexLock lock(&mutex_);
      started_ = true;
    }
    call_->Read(&incoming_, &read_tag_);
    Flush();
  }

  void OnRead(bool ok) {
    if (!ok) return End();
    shared_->events.Post({.stream = id_, .message = std::move(incoming_)});
    incoming_.Clear();
    {
      MutexLock lock(&mutex_);
      read_paused_ = ++unread_ >= kReadAheadMax;
      if (read_paused_) return;
    }
    call_->Read(&incoming_, &read_tag_);
  }

  void OnWrite(bool ok) {
    bool room = false, more = false, finish = false;
    {
      MutexLock lock(&mutex_);
      queued_bytes_ -= outgoing_bytes_;
      more = writing_ = ok && !ended_ && !queue_.empty();
      finish = ended_;
      room = room_asked_ && queued_bytes_ < kQueuedBytesMax / 2;
      if (room) room_asked_ = false;
    }
    if (finish) return call_->Finish(&status_, &finish_tag_);
    if (room) shared_->events.Post({.stream = id_, .room = true});
    if (more) WriteNext();
  }

  // The read side is over: the status comes when no write is under way.
  void End() {
    {
      MutexLock lock(&mutex_);
      ended_ = true;
      if (writing_) return;
    }
    call_->Finish(&status_, &finish_tag_);
  }

  void OnFinish(bool) {
    StreamEvent closed{.stream = id_};
    closed.closed = status_.ok() ? "the daemon closed the stream" : status_.error_message();
    const std::shared_ptr<Shared> shared = shared_;
    shared->events.Post(std::move(closed));  // this may be gone from here on
  }

  void ResumeReading(size_t unread_below) {
    {
      MutexLock lock(&mutex_);
      if (!read_paused_ || (unread_below > 0 && unread_ >= unread_below)) return;
      read_paused_ = false;
    }
    call_->Read(&incoming_, &read_tag_);
  }

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
    call_->Write(outgoing_, options, &write_tag_);
  }

  const uint64_t id_;
  const std::shared_ptr<Shared> shared_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<odw::v1::Executors::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<FromExecutor, ToExecutor>> call_;
  Tag start_tag_{this, &Stream::OnStart};
  Tag read_tag_{this, &Stream::OnRead};
  Tag write_tag_{this, &Stream::OnWrite};
  Tag finish_tag_{this, &Stream::OnFinish};
  ToExecutor incoming_;    // the one read's
  FromExecutor outgoing_;  // the one write's
  uint64_t outgoing_bytes_ = 0;
  grpc::Status status_;

  Mutex mutex_;
  std::deque<FromExecutor> queue_ ODW_GUARDED_BY(mutex_);
  uint64_t queued_bytes_ ODW_GUARDED_BY(mutex_) = 0;
  size_t unread_ ODW_GUARDED_BY(mutex_) = 0;
  bool started_ ODW_GUARDED_BY(mutex_) = false;
  bool writing_ ODW_GUARDED_BY(mutex_) = false;
  bool ended_ ODW_GUARDED_BY(mutex_) = false;
  bool read_paused_ ODW_GUARDED_BY(mutex_) = false;
  bool room_asked_ ODW_GUARDED_BY(mutex_) = false;
};

Session::Session(EventLoop* loop, SessionOptions options, SessionEvents* events)
    : loop_(loop), options_(std::move(options)), events_(events), shared_(std::make_shared<Shared>()) {
  loop_->Watch(shared_->events.wake_fd(), EPOLLIN, [this](uint32_t) { Drain(); });
  completions_ = std::thread([shared = shared_] {
    void* tag;
    bool ok;
    while (shared->queue.Next(&tag, &ok)) {
      const Stream::Tag* const done = static_cast<Stream::Tag*>(tag);
      (done->stream->*done->done)(ok);
    }
  });
}

Session::~Session() {
  loop_->Unwatch(shared_->events.wake_fd());
  loop_->CancelTimer(reconnect_);
  if (stream_) {
    stream_->Cancel();
    AwaitClose();
  }
  shared_->queue.Shutdown();
  completions_.join();
}

void Session::AwaitClose() {
  std::vector<StreamEvent> events;
  for (;;) {
    pollfd ready{.fd = shared_->events.wake_fd(), .events = POLLIN, .revents = 0};
    if (poll(&ready, 1, -1) < 0) continue;
    shared_->events.TakeAll(&events);
    size_t messages = 0;
    for (const StreamEvent& event : events) {
      if (event.stream != stream_->id()) continue;
      if (event.message) {
        ++messages;
      } else if (!event.room) {
        return stream_.reset();
      }
    }
    stream_->Consumed(messages);
    stream_->Cancel();
  }
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
  stream_ = std::make_unique<Stream>(id, options_, shared_);
  stream_->Open(std::move(hello));
}

void Session::Send(FromExecutor message) {
  if (stream_) stream_->Queue(std::move(message));
}

void Session::Flush() {
  if (stream_) stream_->Flush();
}

bool Session::HasRoom() const { return stream_ && stream_->HasRoom(); }

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
