// A bounded queue between threads with an eventfd that an epoll loop can wait on. Any thread may
// post; one thread takes. A full mailbox refuses, and the caller answers its client accordingly.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "daemon/base/check.h"
#include "daemon/base/fd.h"
#include "daemon/base/mutex.h"

namespace odw {

template <typename T>
class Mailbox {
 public:
  explicit Mailbox(size_t items_max)
      : items_max_(items_max), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    ODW_CHECK(wake_.valid());
  }

  // False when full: nothing was queued.
  [[nodiscard]] bool TryPost(T item) {
    bool was_empty;
    {
      MutexLock lock(&mutex_);
      if (items_.size() >= items_max_) return false;
      was_empty = items_.empty();
      items_.push_back(std::move(item));
    }
    if (was_empty) Wake();
    return true;
  }

  // For messages that must not be lost and are bounded elsewhere (one a stream, one a commit).
  void Post(T item) {
    bool was_empty;
    {
      MutexLock lock(&mutex_);
      was_empty = items_.empty();
      items_.push_back(std::move(item));
    }
    if (was_empty) Wake();
  }

  // Everything queued, in order; empties `*out` first. Never waits.
  void TakeAll(std::vector<T>* out) {
    out->clear();
    uint64_t count;
    while (read(wake_.get(), &count, sizeof count) > 0) {
    }
    MutexLock lock(&mutex_);
    items_.swap(*out);
  }

  // Readable when something is queued.
  int wake_fd() const { return wake_.get(); }

 private:
  void Wake() {
    const uint64_t one = 1;
    ODW_CHECK(write(wake_.get(), &one, sizeof one) == sizeof one);
  }

  const size_t items_max_;
  const UniqueFd wake_;
  Mutex mutex_;
  std::vector<T> items_ ODW_GUARDED_BY(mutex_);
};

}  // namespace odw
