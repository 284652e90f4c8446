#include "daemon/script/tool_role.h"

#include <signal.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/base/frame.h"
#include "daemon/base/kill_point.h"
#include "daemon/base/log.h"
#include "daemon/script/sandbox.h"

namespace odw::script {
namespace {

// A tool keeps what it compiled; past this its isolate is dropped.
constexpr size_t kToolHeapBytesKept = 64 << 20;

}  // namespace

ToolRole::ToolRole(const Options& options)
    : options_(options), watchdog_({.hangup_fd = -1, .on_stuck = nullptr}) {
  NewRealm();
}

void ToolRole::NewRealm() {
  context_.Reset();
  engine_.reset();
  engine_ = std::make_unique<Engine>(options_.snapshot,
                                     [](Engine::FatalKind, const std::string&) { _exit(1); });
  v8::Isolate* isolate = engine_->isolate();
  v8::HandleScope handles(isolate);
  v8::Local<v8::Context> context = v8::Context::New(isolate);
  context->AllowCodeGenerationFromStrings(options_.generates_code);
  context_.Reset(isolate, context);
}

bool ToolRole::Call(
    const std::function<bool(v8::Local<v8::Context>, v8::Local<v8::Object>)>& body) {
  if (engine_->heap_used() > kToolHeapBytesKept) NewRealm();
  v8::Isolate* isolate = engine_->isolate();
  bool done;
  watchdog_.Arm(isolate, options_.cpu_ms_max);
  {
    v8::HandleScope handles(isolate);
    v8::Local<v8::Context> context = context_.Get(isolate);
    v8::Context::Scope in_context(context);
    v8::TryCatch caught(isolate);
    done = body(context, context->GetEmbedderData(kInternalsSlot).As<v8::Object>());
  }
  timed_out_ = watchdog_.Disarm();
  if (!timed_out_ && !engine_->out_of_memory()) return done;
  NewRealm();
  return false;
}

int ToolRole::Run(const Serve& serve) {
  signal(SIGINT, SIG_IGN);        // a terminal's Ctrl-C is the parent's; the end of input ends this
  KillPoint("script.tool_born");  // also opens the test's page, which the sandbox would refuse
  const absl::Status sandboxed = EnterSandbox();
  if (!sandboxed.ok()) {
    LogError(MessageOf(sandboxed));
    return 1;
  }
  FrameReader reader;
  for (;;) {
    absl::StatusOr<std::optional<std::string>> frame = ReadFrame(STDIN_FILENO, &reader);
    if (!frame.ok()) LogError(MessageOf(frame.status()));
    if (!frame.ok()) return 1;
    if (!frame->has_value()) return 0;
    KillPoint("script.tool_request");
    const std::optional<std::string> reply = serve(**frame);
    if (!reply) {
      LogError("a frame that is no request");
      return 1;
    }
    if (!WriteFrame(STDOUT_FILENO, *reply).ok()) return 0;
  }
}

}  // namespace odw::script
