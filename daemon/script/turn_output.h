// What a host sends: collects the calls and lines of a turn into Turn frames of about a MiB, and
// writes as rarely as it can. The main thread only, but for SendFatal, which the watchdog calls
// too.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>

#include "odw/v1/script.pb.h"

namespace odw::script {

namespace pb = ::odw::v1::script;

class TurnOutput {
 public:
  // Does not own `fd`, which must be blocking. When the other end is gone the process ends: a host
  // has no life without its daemon.
  explicit TurnOutput(int fd) : fd_(fd) {}

  // A turn: Begin, then any number of Add, then the frame's end (Returned, Thrown or none) in
  // `last`, which need not hold calls or lines.
  void Begin(uint64_t epoch, uint64_t seq);
  void AddCall(pb::Call&& call);
  void AddLine(pb::Line::Kind kind, std::string text);
  void Finish(pb::Turn&& last);

  // Any other message, after what was queued before it.
  void Send(const pb::FromHost& message);
  // Writes what is queued. A turn that is larger than kFlushBytes is written in between.
  void Flush();

  // At once, if no other thread is writing: then the process is about to end anyway.
  void SendFatal(pb::Fatal::Reason reason, const std::string& message);

 private:
  void CutFrame();

  const int fd_;
  pb::FromHost frame_;      // of the turn being collected
  size_t frame_bytes_ = 0;  // estimate
  std::string queue_;
  std::mutex writing_;  // std::mutex: SendFatal needs try_lock
};

}  // namespace odw::script
