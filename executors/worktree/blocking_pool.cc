#include "executors/worktree/blocking_pool.h"

namespace odw::executors::worktree {
namespace {

constexpr size_t kFinishedMax = 65536;

}  // namespace

BlockingPool::BlockingPool(EventLoop* loop, size_t threads) : loop_(loop), finished_(kFinishedMax) {
  loop_->Watch(finished_.wake_fd(), EPOLLIN, [this](uint32_t) {
    std::vector<std::function<void()>> calls;
    finished_.TakeAll(&calls);
    for (const auto& call : calls) call();
  });
  for (size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Serve(); });
}

BlockingPool::~BlockingPool() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  loop_->Unwatch(finished_.wake_fd());
}

void BlockingPool::Run(std::function<void()> work, std::function<void()> done) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    jobs_.push_back({std::move(work), std::move(done)});
  }
  wake_.notify_one();
}

void BlockingPool::Serve() {
  while (true) {
    Job job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job.work();
    finished_.Post(std::move(job.done));
  }
}

}  // namespace odw::executors::worktree
