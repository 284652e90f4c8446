#include "daemon/base/poller.h"

#include <errno.h>
#include <sys/epoll.h>

#include <algorithm>

#include "daemon/base/check.h"

namespace odw {
namespace {

constexpr int kEventsPerWait = 256;
constexpr absl::Duration kLongestWait = absl::Hours(1);

void Control(int epoll, int operation, int fd, uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  ODW_CHECK(epoll_ctl(epoll, operation, fd, &event) == 0);
}

}  // namespace

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)) { ODW_CHECK(epoll_.valid()); }

void Poller::Add(int fd, Callback callback) {
  Control(epoll_.get(), EPOLL_CTL_ADD, fd, EPOLLIN);
  callbacks_[fd] = std::make_shared<Callback>(std::move(callback));
}

void Poller::WatchWrites(int fd, bool watch) {
  Control(epoll_.get(), EPOLL_CTL_MOD, fd, watch ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void Poller::Remove(int fd) {
  if (callbacks_.erase(fd) > 0) Control(epoll_.get(), EPOLL_CTL_DEL, fd, 0);
}

void Poller::Wait(absl::Duration timeout) {
  const timespec wait =
      absl::ToTimespec(std::clamp(timeout, absl::ZeroDuration(), kLongestWait));
  epoll_event events[kEventsPerWait];
  const int count = epoll_pwait2(epoll_.get(), events, kEventsPerWait, &wait, nullptr);
  ODW_CHECK(count >= 0 || errno == EINTR);
  for (int i = 0; i < count; ++i) {
    const auto found = callbacks_.find(events[i].data.fd);
    if (found == callbacks_.end()) continue;  // removed by an earlier callback
    const std::shared_ptr<Callback> callback = found->second;
    const uint32_t what = events[i].events;
    (*callback)(Ready{.readable = (what & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0,
                      .writable = (what & EPOLLOUT) != 0});
  }
}

}  // namespace odw
