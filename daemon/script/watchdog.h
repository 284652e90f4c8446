// Ends a turn that runs too long, and the process when its daemon is gone: a looping script never
// reads its socket. One thread, which sleeps without waking while nothing runs. Arm and Disarm are
// the main thread's.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <functional>
#include <thread>

#include "daemon/base/fd.h"
#include "daemon/base/mutex.h"
#include "v8.h"

namespace odw::script {

class Watchdog {
 public:
  struct Options {
    int hangup_fd = -1;              // the process exits when its other end closes; -1: none
    std::function<void()> on_stuck;  // terminating did not help; called on the thread, then _exit
  };

  // Starts the thread. REQUIRES: called on the main thread, before its sandbox.
  explicit Watchdog(Options options);
  // Stops and joins.
  ~Watchdog();

  // From now on the main thread may use `cpu_ms` of CPU before its JavaScript is terminated.
  void Arm(v8::Isolate* isolate, uint32_t cpu_ms);
  // Ends that; true when the limit was passed. After it nothing is terminated any more.
  bool Disarm();
  // Whether the limit has been passed since Arm.
  bool Fired();
  // CPU that the main thread has used since Arm.
  uint64_t CpuMicrosSinceArm() const;

 private:
  void Loop();
  // Looks at the clock and acts; how long to sleep, -1 for ever.
  int Check();

  const Options options_;
  clockid_t main_clock_;
  UniqueFd wake_;

  Mutex mutex_;
  v8::Isolate* isolate_ ODW_GUARDED_BY(mutex_) = nullptr;  // null: not armed
  uint64_t started_us_ ODW_GUARDED_BY(mutex_) = 0;
  uint64_t limit_us_ ODW_GUARDED_BY(mutex_) = 0;
  bool fired_ ODW_GUARDED_BY(mutex_) = false;
  bool parked_ ODW_GUARDED_BY(mutex_) = false;
  bool stopping_ ODW_GUARDED_BY(mutex_) = false;
  int idle_checks_ ODW_GUARDED_BY(mutex_) = 0;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace odw::script
