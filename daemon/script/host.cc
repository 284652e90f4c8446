#include "daemon/script/host.h"

#include <malloc.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "daemon/base/frame.h"
#include "daemon/base/kill_point.h"
#include "daemon/script/engine.h"
#include "daemon/script/platform.h"
#include "daemon/script/realm.h"
#include "daemon/script/run.h"
#include "daemon/script/sandbox.h"
#include "daemon/script/turn_output.h"
#include "daemon/script/v8_text.h"
#include "daemon/script/watchdog.h"
#include "odw/v1/script.pb.h"

namespace odw::script {
namespace {

constexpr uint32_t kRunsPerEngineMax = 50;
// A heap past this is dropped with its isolate after the run, rather than collected.
constexpr size_t kHeapBytesKept = 24 << 20;
// A host that has had nothing to do for so long, and has grown, gives memory back.
constexpr int kIdleMsBeforeTrim = 300;
constexpr size_t kGrowthBytesTrimmed = 1 << 20;
// Replies wait for one write while more input is at hand, but not longer than this.
constexpr uint64_t kReplyDelayUsMax = 2000;

class Host {
 public:
  explicit Host(int fd)
      : fd_(fd),
        output_(fd),
        watchdog_({.hangup_fd = fd, .on_stuck = [this] {
                     output_.SendFatal(pb::Fatal::TIMEOUT,
                                       "the script did not stop when it was terminated");
                   }}) {}

  [[noreturn]] void Serve();

 private:
  void NewEngine();
  void PrepareRealm();
  void SendReady();
  // Blocks until there is something to read.
  void WaitForInput();
  void Handle(const pb::ToHost& message);
  void OnStart(uint64_t epoch, pb::Start start);
  void OnEnd();
  [[noreturn]] void Die(pb::Fatal::Reason reason, const std::string& message);

  const int fd_;
  TurnOutput output_;
  Watchdog watchdog_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<v8::MicrotaskQueue> queue_;
  std::unique_ptr<Realm> next_realm_;  // for the next Start
  std::unique_ptr<Run> run_;
  uint64_t epoch_ = 0;
  uint32_t engine_runs_ = 0;
  uint32_t runs_ = 0;
  size_t heap_trimmed_ = 0;  // used after the last trim
  bool worked_ = true;       // since the last trim
};

void Host::Die(pb::Fatal::Reason reason, const std::string& message) {
  output_.SendFatal(reason, message);
  _exit(1);
}

void Host::NewEngine() {
  next_realm_.reset();
  engine_.reset();
  engine_ = std::make_unique<Engine>(
      Snapshot::kScript, [this](Engine::FatalKind kind, const std::string& message) {
        output_.Flush();  // the turns before this one are done
        output_.SendFatal(kind == Engine::FatalKind::kOutOfMemory ? pb::Fatal::OUT_OF_MEMORY
                                                                  : pb::Fatal::V8_FATAL,
                          message);
      });
  engine_runs_ = 0;
  heap_trimmed_ = 0;
}

void Host::PrepareRealm() {
  queue_ = v8::MicrotaskQueue::New(engine_->isolate(), v8::MicrotasksPolicy::kExplicit);
  next_realm_ = std::make_unique<Realm>(engine_->isolate(), queue_.get());
}

void Host::SendReady() {
  v8::Isolate* isolate = engine_->isolate();
  v8::HandleScope handles(isolate);
  pb::FromHost message;
  pb::Ready* ready = message.mutable_ready();
  ready->set_pid(static_cast<uint32_t>(getpid()));
  ready->set_prelude_version(FromV8(isolate, next_realm_->Internal("version")));
  ready->set_corejs_version(FromV8(isolate, next_realm_->Internal("corejs")));
  ready->set_v8_version(v8::V8::GetVersion());
  ready->set_icu_version(ODW_ICU_VERSION);
  output_.Send(message);
  output_.Flush();
}

void Host::OnStart(uint64_t epoch, pb::Start start) {
  if (run_ != nullptr) Die(pb::Fatal::PROTOCOL, "Start while a run is being served");
  epoch_ = epoch;
  if (start.fresh_isolate() != 0 && engine_runs_ > 0) {
    NewEngine();
    PrepareRealm();
  }
  ++engine_runs_;
  ++runs_;
  const Run::Parts parts{
      .engine = engine_.get(), .watchdog = &watchdog_, .output = &output_, .queue = queue_.get()};
  run_ = std::make_unique<Run>(parts, epoch, std::move(start), std::move(next_realm_));
  run_->Begin();
}

void Host::OnEnd() {
  const bool terminated = run_ != nullptr && run_->terminated();
  run_.reset();
  const size_t heap_used = engine_->heap_used();
  pb::FromHost message;
  message.set_epoch(epoch_);
  message.mutable_idle()->set_heap_used_bytes(heap_used);
  message.mutable_idle()->set_runs_served(runs_);
  output_.Send(message);
  output_.Flush();
  // The next run finds its realm ready: this work is done while the daemon has none for us.
  if (next_realm_ != nullptr) return;
  if (terminated || heap_used > kHeapBytesKept || engine_runs_ >= kRunsPerEngineMax) NewEngine();
  PrepareRealm();
}

void Host::WaitForInput() {
  if (!std::exchange(worked_, false)) return;  // nothing has changed; read() blocks
  pollfd input{fd_, POLLIN, 0};
  if (poll(&input, 1, kIdleMsBeforeTrim) != 0) {
    worked_ = true;
    return;
  }
  // A large heap is collected after it grew by a part of its size: the work is in proportion.
  const size_t growth = std::max(kGrowthBytesTrimmed, heap_trimmed_ / 4);
  if (engine_->heap_used() < heap_trimmed_ + growth) return;
  engine_->isolate()->LowMemoryNotification();
  malloc_trim(0);
  heap_trimmed_ = engine_->heap_used();
}

void Host::Handle(const pb::ToHost& message) {
  KillPoint("script.before_turn");
  if (message.has_start()) {
    OnStart(message.epoch(), message.start());
    return;
  }
  if (message.epoch() != epoch_) return;
  if (message.has_settle() && run_ != nullptr) {
    KillPoint("script.before_settlement");
    run_->Settle(message.settle());
    KillPoint("script.after_settlement");
  } else if (message.has_end()) {
    OnEnd();
  }
}

void Host::Serve() {
  KillPoint("script.host_born");  // also opens the test's page, which the sandbox would refuse
  NewEngine();
  KillPoint("script.before_sandbox");
  const absl::Status sandboxed = EnterSandbox();
  if (!sandboxed.ok()) Die(pb::Fatal::UNKNOWN, MessageOf(sandboxed));
  PrepareRealm();
  SendReady();
  FrameReader reader;
  pb::ToHost message;
  for (;;) {
    WaitForInput();
    const absl::StatusOr<ssize_t> got = reader.Fill(fd_);
    if (!got.ok() || *got == 0) _exit(0);
    uint64_t delayed_us = 0;
    for (;;) {
      const absl::StatusOr<std::optional<std::string_view>> frame = reader.Next();
      if (!frame.ok()) Die(pb::Fatal::PROTOCOL, MessageOf(frame.status()));
      if (!*frame) break;
      if (!message.ParseFromArray((*frame)->data(), static_cast<int>((*frame)->size()))) {
        Die(pb::Fatal::PROTOCOL, "a frame that is not a ToHost message");
      }
      Handle(message);
      KillPoint("script.after_turn");
      delayed_us += run_ == nullptr ? 0 : watchdog_.CpuMicrosSinceArm();
      if (delayed_us > kReplyDelayUsMax) {
        output_.Flush();
        delayed_us = 0;
      }
    }
    output_.Flush();
  }
}

}  // namespace

void RunHost(int fd) {
  Host host(fd);
  host.Serve();
}

}  // namespace odw::script
