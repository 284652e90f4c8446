// A few threads that read the journal for calls, so that neither the core's thread nor gRPC's own
// two threads, which carry the executors' streams, wait for a disk or fold a long run.
//
// Threads: Post by any. Bounded by the number of calls: each has at most one task here.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "daemon/base/mutex.h"

namespace odw::rpc {

inline constexpr int kReadThreads = 3;

class ReadPool {
 public:
  // `pace`: how long a task of PostLater waits.
  explicit ReadPool(absl::Duration pace);
  // Runs what is queued, at once, then ends.
  ~ReadPool();
  void Post(std::function<void()> task);
  // Runs the task one pace from now.
  void PostLater(std::function<void()> task);

 private:
  struct Later {
    std::chrono::system_clock::time_point due;
    std::function<void()> task;
  };

  void Loop();
  // Waits for the next task; false when it is time to end.
  bool Take(std::function<void()>* task);
  const std::chrono::milliseconds pace_;
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> tasks_ ODW_GUARDED_BY(mutex_);
  std::deque<Later> later_ ODW_GUARDED_BY(mutex_);  // by due time, since all wait equally long
  bool somebody_watches_the_clock_ ODW_GUARDED_BY(mutex_) = false;
  bool stopping_ ODW_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace odw::rpc
