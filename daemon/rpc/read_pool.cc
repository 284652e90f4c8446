#include "daemon/rpc/read_pool.h"

#include <utility>

namespace odw::rpc {

ReadPool::ReadPool(absl::Duration pace) : pace_(absl::ToChronoMilliseconds(pace)) {
  for (int i = 0; i < kReadThreads; ++i) threads_.emplace_back([this] { Loop(); });
}

ReadPool::~ReadPool() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  for (std::thread& thread : threads_) thread.join();
}

void ReadPool::Post(std::function<void()> task) {
  {
    MutexLock lock(&mutex_);
    tasks_.push_back(std::move(task));
  }
  wake_.NotifyOne();
}

void ReadPool::PostLater(std::function<void()> task) {
  {
    MutexLock lock(&mutex_);
    later_.push_back({.due = std::chrono::system_clock::now() + pace_, .task = std::move(task)});
    if (somebody_watches_the_clock_) return;
  }
  wake_.NotifyOne();
}

bool ReadPool::Take(std::function<void()>* task) {
  MutexLock lock(&mutex_);
  for (;;) {
    if (!tasks_.empty()) {
      *task = std::move(tasks_.front());
      tasks_.pop_front();
      break;
    }
    if (!later_.empty() && (stopping_ || later_.front().due <= std::chrono::system_clock::now())) {
      *task = std::move(later_.front().task);
      later_.pop_front();
      break;
    }
    if (stopping_) return false;
    if (later_.empty() || somebody_watches_the_clock_) {
      wake_.Wait(&mutex_);
    } else {
      somebody_watches_the_clock_ = true;
      wake_.WaitUntil(&mutex_, later_.front().due);
      somebody_watches_the_clock_ = false;
    }
  }
  // This thread leaves the clock: another one takes over.
  if (!later_.empty() && !somebody_watches_the_clock_) wake_.NotifyOne();
  return true;
}

void ReadPool::Loop() {
  std::function<void()> task;
  while (Take(&task)) {
    task();
    task = nullptr;  // what it holds goes now, not when the next one comes
  }
}

}  // namespace odw::rpc
