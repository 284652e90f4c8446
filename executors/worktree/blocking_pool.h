// A few threads for calls that block (git), and their answers back on the executor's loop.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "daemon/base/mailbox.h"
#include "executors/event_loop.h"

namespace odw::executors::worktree {

class BlockingPool {
 public:
  // Loop thread.
  BlockingPool(EventLoop* loop, size_t threads);
  // Finishes the work under way; what has not begun is dropped, and no `done` is called any more.
  ~BlockingPool();

  // `work` runs on one of the threads, then `done` on the loop's. Loop thread. Bounded by the slots
  // of the executor: a task has one piece of work at a time.
  void Run(std::function<void()> work, std::function<void()> done);

 private:
  struct Job {
    std::function<void()> work, done;
  };
  void Serve();

  EventLoop* const loop_;
  Mailbox<std::function<void()>> finished_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;      // guarded by mutex_
  bool stopping_ = false;     // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace odw::executors::worktree
