#include "executors/event_loop.h"

#include <errno.h>
#include <time.h>

#include <algorithm>

#include "daemon/base/check.h"

namespace odw::executors {
namespace {

constexpr int kEventsPerRound = 256;
constexpr int64_t kNsPerMs = 1'000'000;

int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

// The generation tells an event of a closed descriptor from one of its number's next owner.
uint64_t Tag(int fd, uint32_t generation) {
  return static_cast<uint64_t>(generation) << 32 | static_cast<uint32_t>(fd);
}

}  // namespace

EventLoop::EventLoop() : epoll_(epoll_create1(EPOLL_CLOEXEC)) { ODW_CHECK(epoll_.valid()); }

void EventLoop::Watch(int fd, uint32_t events, std::function<void(uint32_t)> ready) {
  auto watched = std::make_shared<Watched>(Watched{++generation_, std::move(ready)});
  epoll_event event{.events = events, .data = {.u64 = Tag(fd, watched->generation)}};
  ODW_CHECK(watched_.emplace(fd, std::move(watched)).second);
  ODW_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0);
}

void EventLoop::ChangeEvents(int fd, uint32_t events) {
  const auto it = watched_.find(fd);
  ODW_CHECK(it != watched_.end());
  epoll_event event{.events = events, .data = {.u64 = Tag(fd, it->second->generation)}};
  ODW_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void EventLoop::Unwatch(int fd) {
  if (watched_.erase(fd) == 0) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

EventLoop::TimerId EventLoop::After(absl::Duration delay, std::function<void()> call) {
  const TimerId id = next_timer_++;
  due_.push({NowNs() + std::max<int64_t>(0, absl::ToInt64Nanoseconds(delay)), id});
  timers_.emplace(id, std::move(call));
  return id;
}

void EventLoop::CancelTimer(TimerId id) { timers_.erase(id); }

int EventLoop::WaitMs(absl::Duration wait_max) const {
  int64_t wait_ms = -1;
  if (wait_max != absl::InfiniteDuration()) wait_ms = absl::ToInt64Milliseconds(wait_max);
  if (!due_.empty()) {
    const int64_t left_ns = std::max<int64_t>(0, due_.top().at_ns - NowNs());
    const int64_t left_ms = (left_ns + kNsPerMs - 1) / kNsPerMs;
    wait_ms = wait_ms < 0 ? left_ms : std::min(wait_ms, left_ms);
  }
  return static_cast<int>(std::min<int64_t>(wait_ms, 60'000));
}

bool EventLoop::FireTimers() {
  const int64_t now = NowNs();
  bool fired = false;
  // Timers that a callback adds wait for the next round, so that none starves the descriptors.
  const TimerId newer_from = next_timer_;
  while (!due_.empty() && due_.top().at_ns <= now && due_.top().id < newer_from) {
    const auto it = timers_.find(due_.top().id);
    due_.pop();
    if (it == timers_.end()) continue;
    const std::function<void()> call = std::move(it->second);
    timers_.erase(it);
    call();
    fired = true;
  }
  return fired;
}

void EventLoop::RunOnce(absl::Duration wait_max) {
  epoll_event events[kEventsPerRound];
  const int count = epoll_wait(epoll_.get(), events, kEventsPerRound, WaitMs(wait_max));
  ODW_CHECK(count >= 0 || errno == EINTR);
  bool worked = false;
  for (int i = 0; i < count; ++i) {
    const auto it = watched_.find(static_cast<int>(events[i].data.u64 & 0xffffffff));
    if (it == watched_.end() || it->second->generation != events[i].data.u64 >> 32) continue;
    const std::shared_ptr<Watched> watched = it->second;
    watched->ready(events[i].events);
    worked = true;
  }
  if (FireTimers()) worked = true;
  if (worked && round_end_) round_end_();
}

void EventLoop::Run() {
  while (!stopped_) RunOnce(absl::InfiniteDuration());
}

}  // namespace odw::executors
