// The Attach streams between executors and the daemon. Each way keeps its order; a stream that
// breaks loses a suffix of what is under way, either way, and each side notices in its own time.
// Streams know nothing of each other: an old one's first message may arrive after a newer one's.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/core/input.h"
#include "tests/sim/action.h"
#include "tests/sim/context.h"
#include "tests/sim/faults.h"

namespace odw::sim {

struct Stream {
  core::SessionId session = 0;
  std::string executor;
  std::deque<v1::FromExecutor> up;
  std::deque<v1::ToExecutor> down;
  bool client_open = true;
  bool server_open = true;
  // Nothing more will come this way, once what is queued has been read.
  bool up_ended = false, down_ended = false;
  bool registered = false;
};

class SimNetwork {
 public:
  using Post = std::function<void(core::Input)>;
  SimNetwork(Context* context, Post post) : context_(context), post_(std::move(post)) {}

  // REQUIRES: the daemon is up. Owned here; valid until its client closes it.
  Stream* Connect(const std::string& executor, v1::Register hello);
  // The client's process is gone, or it has read the end.
  void CloseClient(Stream* stream);
  // Loses what is under way, from some point on; each side will read up to there.
  void Break(Stream* stream);

  // The daemon's side.
  void Send(core::SessionId session, v1::ToExecutor message);
  void CloseSession(core::SessionId session);
  void DaemonDied();

  void List(const Faults& faults, Actions* actions);

 private:
  void Deliver(Stream* stream);
  template <typename Queue>
  void LoseSuffix(Queue* queue);

  Context* const context_;
  const Post post_;
  core::SessionId last_session_ = 0;
  std::vector<std::unique_ptr<Stream>> streams_;
};

}  // namespace odw::sim
