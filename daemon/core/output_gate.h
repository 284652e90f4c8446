// The output gate: what may not leave the process before the events it rests on are durable. Holds
// gated effects with the ticket of the journal group that covers them. Pure; one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "daemon/core/effect.h"

namespace odw::core {

// True for what the world can see: everything but Append and the script host's effects.
bool IsGated(const Effect& effect);

class OutputGate {
 public:
  // Effects since the last Cut wait for the group that the next Cut names.
  void Hold(Effect effect) { held_.push_back({0, std::move(effect)}); ++uncut_; }
  // All that is held and has no ticket yet rests on group `ticket` and those before it. What appended
  // nothing itself is cut with the last ticket given out: it may rest on earlier steps. 0: on nothing.
  void Cut(uint64_t ticket);
  // Groups up to `ticket` are durable: what rested on them, in order.
  std::vector<Effect> Open(uint64_t ticket);

  bool empty() const { return held_.empty(); }
  // Something is held that no group covers yet.
  bool has_uncut() const { return uncut_ > 0; }

 private:
  struct Held {
    uint64_t ticket;  // of the last `uncut_`: not yet known
    Effect effect;
  };
  std::deque<Held> held_;
  size_t uncut_ = 0;
};

}  // namespace odw::core
