// The attach loop: keeps one Executors.Attach stream open to the daemon, for as long as the executor
// lives. Reconnects after a tenth of the time the daemon has been away, within 20 ms and 1 s, with jitter.
// All methods and events are on the loop's thread; gRPC's own threads only move messages. The one file
// that knows grpcpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "executors/event_loop.h"
#include "odw/v1/executor.pb.h"

namespace odw::executors {

struct SessionOptions {
  std::string daemon_address;  // unix:PATH or loopback IP:PORT
  std::string token;           // bearer token for TCP; empty on a unix socket
};

class SessionEvents {
 public:
  virtual ~SessionEvents() = default;
  // A stream is being opened: its Register, complete, with an epoch greater than any before.
  virtual odw::v1::Register MakeRegister() = 0;
  virtual void OnMessage(odw::v1::ToExecutor message) = 0;
  // The stream is over; another will be tried. `why` is for the log.
  virtual void OnDetached(const std::string& why) = 0;
  // HasRoom() is true again.
  virtual void OnRoom() = 0;
};

class Session {
 public:
  Session(EventLoop* loop, SessionOptions options, SessionEvents* events);
  ~Session();  // ends the stream and waits for gRPC to let go of it

  void Start();
  // Queues a message on the open stream; dropped when there is none. Sent at the next Flush.
  void Send(odw::v1::FromExecutor message);
  // Starts the writes: many messages leave in few packets.
  void Flush();
  // False while more than a few MiB wait to be written: then keep results on the disk.
  bool HasRoom() const;

 private:
  class Stream;
  struct Shared;
  void Connect();
  void Drain();
  void AwaitClose();
  void Closed(const std::string& why);

  EventLoop* const loop_;
  const SessionOptions options_;
  SessionEvents* const events_;
  std::shared_ptr<Shared> shared_;
  std::unique_ptr<Stream> stream_;
  std::thread completions_;
  bool heard_ = false;  // the open stream has brought a message: the daemon is there
  absl::Time away_since_;
  std::string last_why_;
  EventLoop::TimerId reconnect_ = 0;
};

}  // namespace odw::executors
