// How adapters reach the core's thread. Implemented by daemon/loop; thread-safe.
#pragma once

#include "daemon/core/input.h"

namespace odw::core {

class CoreInbox {
 public:
  virtual ~CoreInbox() = default;
  // False when the mailbox is full: answer RESOURCE_EXHAUSTED, nothing was queued.
  [[nodiscard]] virtual bool TryPost(Input input) = 0;
  // For messages of an attached stream, which flow control bounds: never refused.
  virtual void Post(Input input) = 0;
};

}  // namespace odw::core
