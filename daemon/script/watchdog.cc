#include "daemon/script/watchdog.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <latch>

#include "daemon/base/check.h"

namespace odw::script {
namespace {

constexpr int kCheckMsMax = 50;     // how late a limit may be noticed, past what it must be
constexpr int kIdleChecksMax = 20;  // then the thread sleeps until it is woken
constexpr uint64_t kStuckGraceUs = 2'000'000;  // CPU time for a terminated script to unwind

uint64_t MicrosOf(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace

Watchdog::Watchdog(Options options) : options_(std::move(options)) {
  ODW_CHECK(pthread_getcpuclockid(pthread_self(), &main_clock_) == 0);
  wake_ = UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  ODW_CHECK(wake_.valid());
  // A thread that is still being born makes system calls that the sandbox refuses.
  std::latch born(1);
  thread_ = std::thread([this, &born] {
    born.count_down();
    Loop();
  });
  born.wait();
}

Watchdog::~Watchdog() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  const uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof one);
  thread_.join();
}

void Watchdog::Arm(v8::Isolate* isolate, uint32_t cpu_ms) {
  const uint64_t now = MicrosOf(CLOCK_THREAD_CPUTIME_ID);
  bool wake;
  {
    MutexLock lock(&mutex_);
    isolate_ = isolate;
    started_us_ = now;
    limit_us_ = uint64_t{cpu_ms} * 1000;
    fired_ = false;
    idle_checks_ = 0;
    wake = std::exchange(parked_, false);
  }
  if (!wake) return;
  const uint64_t one = 1;
  (void)!write(wake_.get(), &one, sizeof one);
}

bool Watchdog::Disarm() {
  MutexLock lock(&mutex_);
  isolate_ = nullptr;
  return fired_;
}

bool Watchdog::Fired() {
  MutexLock lock(&mutex_);
  return fired_;
}

uint64_t Watchdog::CpuMicrosSinceArm() const {
  return MicrosOf(CLOCK_THREAD_CPUTIME_ID) - started_us_;
}

int Watchdog::Check() {
  MutexLock lock(&mutex_);
  if (stopping_) return 0;
  if (isolate_ == nullptr) {
    if (++idle_checks_ < kIdleChecksMax) return kCheckMsMax;
    parked_ = true;
    return -1;
  }
  const uint64_t used = MicrosOf(main_clock_) - started_us_;
  if (used < limit_us_) {
    const uint64_t left_ms = (limit_us_ - used) / 1000 + 1;
    return static_cast<int>(std::min<uint64_t>(left_ms, kCheckMsMax));
  }
  if (!fired_) {
    fired_ = true;
    isolate_->TerminateExecution();
  } else if (used > limit_us_ + kStuckGraceUs) {
    if (options_.on_stuck) options_.on_stuck();
    _exit(1);
  }
  return kCheckMsMax;
}

void Watchdog::Loop() {
  pollfd fds[2] = {{wake_.get(), POLLIN, 0}, {options_.hangup_fd, 0, 0}};
  for (;;) {
    const int sleep_ms = Check();
    {
      MutexLock lock(&mutex_);
      if (stopping_) return;
    }
    if (poll(fds, 2, sleep_ms) <= 0) continue;
    if (fds[1].revents & (POLLHUP | POLLERR)) _exit(0);
    uint64_t count;
    (void)!read(wake_.get(), &count, sizeof count);
  }
}

}  // namespace odw::script
