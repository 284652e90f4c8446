// A few threads that read the journal for calls, so that neither the core's thread nor gRPC's own
// two threads, which carry the executors' streams, wait for a disk or fold a long run.
//
// Threads: Post by any. Bounded by the number of calls: each has at most one task here.
#pragma once

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "daemon/base/mutex.h"

namespace odw::rpc {

inline constexpr int kReadThreads = 3;

class ReadPool {
 public:
  ReadPool();
  // Runs what is queued, then ends.
  ~ReadPool();
  void Post(std::function<void()> task);

 private:
  void Loop();
  Mutex mutex_;
  CondVar wake_;
  std::deque<std::function<void()>> tasks_ ODW_GUARDED_BY(mutex_);
  bool stopping_ ODW_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace odw::rpc
