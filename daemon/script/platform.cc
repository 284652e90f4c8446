#include "daemon/script/platform.h"

#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>

#include <utility>

#include "libplatform/libplatform.h"

namespace odw::script {
namespace {

// V8's default platform with a clock that stands still: even a door to the time that the prelude
// might have missed gives the same answer in every replay.
class StillPlatform : public v8::Platform {
 public:
  explicit StillPlatform(std::unique_ptr<v8::Platform> inner) : inner_(std::move(inner)) {}
  v8::Platform* inner() { return inner_.get(); }

  double CurrentClockTimeMillis() override { return 0; }

  v8::PageAllocator* GetPageAllocator() override { return inner_->GetPageAllocator(); }
  v8::ZoneBackingAllocator* GetZoneBackingAllocator() override {
    return inner_->GetZoneBackingAllocator();
  }
  int NumberOfWorkerThreads() override { return inner_->NumberOfWorkerThreads(); }
  std::shared_ptr<v8::TaskRunner> GetForegroundTaskRunner(v8::Isolate* isolate) override {
    return inner_->GetForegroundTaskRunner(isolate);
  }
  void CallOnWorkerThread(std::unique_ptr<v8::Task> task) override {
    inner_->CallOnWorkerThread(std::move(task));
  }
  void CallDelayedOnWorkerThread(std::unique_ptr<v8::Task> task, double seconds) override {
    inner_->CallDelayedOnWorkerThread(std::move(task), seconds);
  }
  std::unique_ptr<v8::JobHandle> PostJob(v8::TaskPriority priority,
                                         std::unique_ptr<v8::JobTask> task) override {
    return inner_->PostJob(priority, std::move(task));
  }
  double MonotonicallyIncreasingTime() override { return inner_->MonotonicallyIncreasingTime(); }
  v8::TracingController* GetTracingController() override { return inner_->GetTracingController(); }

 private:
  std::unique_ptr<v8::Platform> inner_;
};

class BoundedAllocator : public v8::ArrayBuffer::Allocator {
 public:
  explicit BoundedAllocator(size_t bytes_max)
      : inner_(NewDefaultAllocator()), bytes_max_(bytes_max) {}

  void* Allocate(size_t length) override {
    return Take(length) ? Keep(inner_->Allocate(length), length) : nullptr;
  }
  void* AllocateUninitialized(size_t length) override {
    return Take(length) ? Keep(inner_->AllocateUninitialized(length), length) : nullptr;
  }
  void Free(void* data, size_t length) override {
    used_ -= length;
    inner_->Free(data, length);
  }

 private:
  bool Take(size_t length) {
    if (length > bytes_max_ - used_) return false;
    used_ += length;
    return true;
  }
  void* Keep(void* data, size_t length) {
    if (data == nullptr) used_ -= length;
    return data;
  }

  const std::unique_ptr<v8::ArrayBuffer::Allocator> inner_;
  const size_t bytes_max_;
  size_t used_ = 0;
};

// Lives as long as the process: V8 cannot be started twice.
StillPlatform* platform = nullptr;

// Three times V8's own stack: values that nest 10,000 deep must pass through JSON (SPEC P35).
constexpr char kStackFlag[] = "--stack-size=2900";
constexpr rlim_t kStackBytesMin = 8 << 20;

// Whether the main thread's stack may grow so far.
bool MakeRoomForStack() {
  rlimit limit;
  if (getrlimit(RLIMIT_STACK, &limit) != 0) return false;
  if (limit.rlim_cur >= kStackBytesMin) return true;
  if (limit.rlim_max < kStackBytesMin) return false;
  limit.rlim_cur = kStackBytesMin;
  return setrlimit(RLIMIT_STACK, &limit) == 0;
}

}  // namespace

void InitV8() {
  // Replays must agree whatever the machine is set to (SPEC P18).
  setenv("TZ", "UTC", 1);
  setenv("LC_ALL", "en_US.UTF-8", 1);
  unsetenv("LANGUAGE");
  // ICU's own time zone data, not the machine's: the same everywhere, and no file is ever opened.
  unsetenv("ICU_DATA");
  setenv("ICU_TIMEZONE_FILES_DIR", "", 1);
  // libc reads its zone file once, here.
  const time_t epoch = 0;
  tm broken_down;
  localtime_r(&epoch, &broken_down);
  v8::V8::SetFlagsFromString(
      "--no-expose-wasm --jitless --single-threaded --random-seed=1 --hash-seed=1");
  if (MakeRoomForStack()) v8::V8::SetFlagsFromString(kStackFlag);
  // Otherwise V8 opens /dev/urandom for each isolate, which the sandbox would refuse.
  v8::V8::SetEntropySource([](unsigned char* buffer, size_t length) {
    return getrandom(buffer, length, 0) == static_cast<ssize_t>(length);
  });
  platform = new StillPlatform(v8::platform::NewSingleThreadedDefaultPlatform());
  v8::V8::InitializePlatform(platform);
  v8::V8::Initialize();
}

void PumpV8Tasks(v8::Isolate* isolate) {
  while (v8::platform::PumpMessageLoop(platform->inner(), isolate)) {
  }
}

std::unique_ptr<v8::ArrayBuffer::Allocator> MakeBoundedAllocator(size_t bytes_max) {
  return std::make_unique<BoundedAllocator>(bytes_max);
}

}  // namespace odw::script
