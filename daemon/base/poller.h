// An epoll set with a callback for each descriptor. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "daemon/base/fd.h"

namespace odw {

class Poller {
 public:
  // What a descriptor is ready for.
  struct Ready {
    bool readable = false;  // also: hung up, in error
    bool writable = false;
  };
  using Callback = std::function<void(Ready)>;

  Poller();

  // REQUIRES: `fd` is not in the set. Watches for readability; writability only after WatchWrites.
  void Add(int fd, Callback callback);
  void WatchWrites(int fd, bool watch);
  // Before the descriptor is closed. Safe from within a callback, for any descriptor.
  void Remove(int fd);

  // Waits for at most `timeout` (microseconds matter: it is rounded up to one), then calls back.
  void Wait(absl::Duration timeout);

 private:
  UniqueFd epoll_;
  // Shared, so that a callback that removes itself lives until it returns.
  absl::flat_hash_map<int, std::shared_ptr<Callback>> callbacks_;
};

}  // namespace odw
