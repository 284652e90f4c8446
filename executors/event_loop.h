// The executor's one thread: descriptors (epoll) and timers (a heap; a thousand that wait cost nothing).
// Everything in this folder runs on it unless its header says otherwise; other threads reach it through
// a Mailbox, whose descriptor it watches.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "daemon/base/fd.h"

namespace odw::executors {

class EventLoop {
 public:
  using TimerId = uint64_t;

  EventLoop();

  // Calls `ready` with the epoll events each time `fd` has some of `events` (level triggered).
  // REQUIRES: `fd` is not watched already; Unwatch comes before it is closed. Both may be called from
  // inside any callback.
  void Watch(int fd, uint32_t events, std::function<void(uint32_t)> ready);
  void ChangeEvents(int fd, uint32_t events);
  void Unwatch(int fd);

  TimerId After(absl::Duration delay, std::function<void()> call);
  // No effect on a timer that has fired.
  void CancelTimer(TimerId id);

  // Called at the end of each round that did something: where batched work is flushed.
  void OnRoundEnd(std::function<void()> call) { round_end_ = std::move(call); }

  // Until Stop().
  void Run();
  // One round: waits at most `wait_max` for something to happen. For tests.
  void RunOnce(absl::Duration wait_max);
  void Stop() { stopped_ = true; }

 private:
  struct Watched {
    uint32_t generation;
    std::function<void(uint32_t)> ready;
  };
  struct Due {
    int64_t at_ns;
    TimerId id;
    bool operator>(const Due& other) const {
      return at_ns != other.at_ns ? at_ns > other.at_ns : id > other.id;
    }
  };
  int WaitMs(absl::Duration wait_max) const;
  bool FireTimers();

  UniqueFd epoll_;
  bool stopped_ = false;
  uint32_t generation_ = 0;
  TimerId next_timer_ = 1;
  absl::flat_hash_map<int, std::shared_ptr<Watched>> watched_;
  absl::flat_hash_map<TimerId, std::function<void()>> timers_;
  std::priority_queue<Due, std::vector<Due>, std::greater<Due>> due_;
  std::function<void()> round_end_;
};

}  // namespace odw::executors
