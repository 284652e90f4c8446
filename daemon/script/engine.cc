#include "daemon/script/engine.h"

#include <unistd.h>

#include <algorithm>

#include "daemon/script/bindings.h"
#include "daemon/script/platform.h"

namespace odw::script {
namespace {

constexpr uint32_t kEngineSlot = 0;
// The heap starts with a low limit, so that V8 keeps an idle host small, and OnNearHeapLimit lets
// it grow to what the run may have.
// Below it V8 is not asked: OnCollected looks after each collection.
constexpr size_t kHeapBytesAtFirst = 64 << 20;
constexpr size_t kHeapBytesDefault = 256 << 20;
// A limit that V8 has come near is raised by at least so much: it asks once, and dies if what it is
// in the middle of (a table that doubles, a generation that is promoted) does not fit then. A
// number, not memory.
constexpr size_t kHeadroomBytesMin = 256 << 20;
constexpr size_t kArrayBufferBytesMax = 256 << 20;

}  // namespace

Engine::Engine(Snapshot snapshot, FatalHandler on_fatal)
    : on_fatal_(std::move(on_fatal)),
      allocator_(MakeBoundedAllocator(kArrayBufferBytesMax)),
      heap_max_(kHeapBytesDefault) {
  v8::Isolate::CreateParams params;
  params.array_buffer_allocator = allocator_.get();
  params.snapshot_blob = EmbeddedSnapshot(snapshot);
  params.external_references = ExternalReferences();
  // A tool is one process of its kind and is dropped when it has grown: its work comes first.
  params.constraints.ConfigureDefaultsFromHeapSize(
      0, snapshot == Snapshot::kScript ? kHeapBytesAtFirst : kHeapBytesDefault);
  isolate_ = v8::Isolate::New(params);
  isolate_->SetData(kEngineSlot, this);
  isolate_->Enter();
  isolate_->SetMicrotasksPolicy(v8::MicrotasksPolicy::kExplicit);
  isolate_->AddNearHeapLimitCallback(OnNearHeapLimit, this);
  isolate_->AddGCEpilogueCallback(OnCollected);
  isolate_->SetOOMErrorHandler(OnOutOfMemory);
  isolate_->SetFatalErrorHandler(OnFatal);
}

Engine::~Engine() {
  isolate_->RemoveNearHeapLimitCallback(OnNearHeapLimit, 0);
  isolate_->Exit();
  isolate_->Dispose();
}

Engine* Engine::Of(v8::Isolate* isolate) {
  return static_cast<Engine*>(isolate->GetData(kEngineSlot));
}

void Engine::SetHeapMax(size_t bytes) {
  heap_max_ = bytes == 0 ? kHeapBytesDefault : std::max(bytes, kHeapBytesMin);
}

void Engine::EndScript() {
  if (out_of_memory_) return;
  out_of_memory_ = true;
  isolate_->TerminateExecution();
}

void Engine::OnCollected(v8::Isolate* isolate, v8::GCType, v8::GCCallbackFlags) {
  Engine* engine = Of(isolate);
  if (engine->heap_max_ >= kHeapBytesAtFirst || engine->check_asked_) return;
  if (engine->heap_used() <= engine->heap_max_) return;
  // What is used may be garbage; whoever calls us is in the middle of a collection.
  engine->check_asked_ = true;
  isolate->RequestInterrupt(CollectAndCheck, engine);
}

void Engine::CollectAndCheck(v8::Isolate* isolate, void* self) {
  auto* engine = static_cast<Engine*>(self);
  isolate->LowMemoryNotification();
  engine->check_asked_ = false;
  if (engine->heap_used() > engine->heap_max_) engine->EndScript();
}

size_t Engine::heap_used() const {
  v8::HeapStatistics statistics;
  isolate_->GetHeapStatistics(&statistics);
  return statistics.used_heap_size() + statistics.malloced_memory() + statistics.external_memory();
}

size_t Engine::OnNearHeapLimit(void* self, size_t current, size_t /*initial*/) {
  auto* engine = static_cast<Engine*>(self);
  if (current < engine->heap_max_) {
    return std::max(engine->heap_max_, current + kHeapBytesAtFirst);
  }
  engine->EndScript();
  // Past the last one V8 gives up and calls OnOutOfMemory.
  const size_t last = engine->heap_max_ + 2 * std::max(kHeadroomBytesMin, engine->heap_max_);
  return std::min(last, current + std::max(kHeadroomBytesMin, engine->heap_max_));
}

void Engine::OnOutOfMemory(const char* location, bool /*is_heap_oom*/) {
  v8::Isolate* isolate = v8::Isolate::TryGetCurrent();
  Engine* engine = isolate == nullptr ? nullptr : Of(isolate);
  if (engine != nullptr) {
    engine->on_fatal_(FatalKind::kOutOfMemory, std::string("out of memory in ") + location);
  }
  _exit(1);
}

void Engine::OnFatal(const char* location, const char* message) {
  v8::Isolate* isolate = v8::Isolate::TryGetCurrent();
  Engine* engine = isolate == nullptr ? nullptr : Of(isolate);
  if (engine != nullptr) {
    const std::string where = location == nullptr ? "" : location;
    engine->on_fatal_(FatalKind::kV8, where + ": " + message);
  }
  _exit(1);
}

}  // namespace odw::script
