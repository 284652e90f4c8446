#include "tests/sim/sim_network.h"

#include <algorithm>

namespace odw::sim {

Stream* SimNetwork::Connect(const std::string& executor, v1::Register hello) {
  auto stream = std::make_unique<Stream>();
  stream->session = ++last_session_;
  stream->executor = executor;
  *stream->up.emplace_back().mutable_register_() = std::move(hello);
  streams_.push_back(std::move(stream));
  return streams_.back().get();
}

template <typename Queue>
void SimNetwork::LoseSuffix(Queue* queue) {
  const uint64_t kept = context_->rng.Below(queue->size() + 1);
  context_->coverage->Count("messages lost with their stream", queue->size() - kept);
  queue->resize(kept);
}

void SimNetwork::CloseClient(Stream* stream) {
  stream->client_open = false;
  stream->down.clear();
  if (!stream->up_ended) {
    LoseSuffix(&stream->up);
    stream->up_ended = true;
  }
}

void SimNetwork::Send(core::SessionId session, v1::ToExecutor message) {
  for (const auto& stream : streams_) {
    if (stream->session == session && stream->server_open && !stream->down_ended) {
      stream->down.push_back(std::move(message));
      return;
    }
  }
}

void SimNetwork::CloseSession(core::SessionId session) {
  for (const auto& stream : streams_) {
    if (stream->session != session || !stream->server_open) continue;
    stream->down_ended = true;  // after what was queued for it
    if (!stream->up_ended) LoseSuffix(&stream->up);
    stream->up_ended = true;
  }
}

void SimNetwork::DaemonDied() {
  for (const auto& stream : streams_) {
    if (!stream->server_open) continue;
    stream->server_open = false;
    stream->up.clear();
    stream->up_ended = true;
    if (!stream->down_ended) LoseSuffix(&stream->down);
    stream->down_ended = true;
  }
}

void SimNetwork::Break(Stream* stream) {
  if (stream->up_ended) return;
  if (!stream->up.empty()) context_->Passed("stream: executor's messages on their way");
  if (!stream->down.empty()) context_->Passed("stream: daemon's messages on their way");
  if (stream->up.empty() && stream->down.empty()) context_->Passed("stream: silent");
  context_->Note("stream " + std::to_string(stream->session) + " of " + stream->executor +
                 " breaks");
  LoseSuffix(&stream->up);
  LoseSuffix(&stream->down);
  stream->up_ended = stream->down_ended = true;
}

void SimNetwork::Deliver(Stream* stream) {
  v1::FromExecutor message = std::move(stream->up.front());
  stream->up.pop_front();
  if (message.has_register_()) {
    stream->registered = true;
    post_(core::ExecutorAttached{.session = stream->session,
                                 .info = std::move(*message.mutable_register_())});
  } else {
    post_(core::ExecutorSaid{.session = stream->session, .message = std::move(message)});
  }
}

void SimNetwork::List(const Faults& faults, Actions* actions) {
  std::erase_if(streams_, [](const auto& s) { return !s->client_open && !s->server_open; });
  for (const auto& owned : streams_) {
    Stream* stream = owned.get();
    if (!stream->server_open) continue;
    if (!stream->up.empty()) {
      actions->push_back({8, [this, stream] { Deliver(stream); }});
    } else if (stream->up_ended) {
      actions->push_back({3, [this, stream] {
                            stream->server_open = false;
                            stream->down_ended = true;
                            if (stream->registered)
                              post_(core::ExecutorDetached{.session = stream->session});
                          }});
    }
    const bool silent = stream->up.empty() && stream->down.empty();
    if (silent && !context_->rng.OneIn(4)) continue;
    if (context_->faulty && faults.stream_break > 0 && stream->client_open && !stream->up_ended) {
      actions->push_back({faults.stream_break, [this, stream] { Break(stream); }});
    }
  }
}

}  // namespace odw::sim
