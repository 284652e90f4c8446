// A mutex that clang's thread-safety analysis and ThreadSanitizer both understand. std::mutex below,
// since absl::Mutex gives TSan false races in Debian's build. A thread holds at most one at a time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define ODW_TSA_(x) __attribute__((x))
#else
#define ODW_TSA_(x)
#endif
#define ODW_GUARDED_BY(m) ODW_TSA_(guarded_by(m))
#define ODW_REQUIRES(m) ODW_TSA_(requires_capability(m))

namespace odw {

class ODW_TSA_(capability("mutex")) Mutex {
 public:
  void Lock() ODW_TSA_(acquire_capability()) { mutex_.lock(); }
  void Unlock() ODW_TSA_(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class ODW_TSA_(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) ODW_TSA_(acquire_capability(mutex)) : mutex_(mutex) { mutex_->Lock(); }
  ~MutexLock() ODW_TSA_(release_capability()) { mutex_->Unlock(); }
  MutexLock(const MutexLock&) = delete;

 private:
  Mutex* const mutex_;
};

// REQUIRES: the caller of Wait holds `mutex`.
class CondVar {
 public:
  void Wait(Mutex* mutex) {
    std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
    cv_.wait(lock);
    lock.release();
  }
  // Returns at `deadline` at the latest.
  void WaitUntil(Mutex* mutex, std::chrono::system_clock::time_point deadline) {
    std::unique_lock<std::mutex> lock(mutex->mutex_, std::adopt_lock);
    cv_.wait_until(lock, deadline);
    lock.release();
  }
  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

}  // namespace odw
