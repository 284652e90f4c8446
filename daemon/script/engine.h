// One isolate made from the snapshot, with its limits, and the realm that is ready in it. A host
// has one engine at a time and replaces it when it is worn. The thread that made it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "daemon/script/snapshot.h"
#include "v8.h"

namespace odw::script {

class Engine {
 public:
  enum class FatalKind { kOutOfMemory, kV8 };
  // What to do before the process ends; must not return to V8.
  using FatalHandler = std::function<void(FatalKind, const std::string&)>;

  Engine(Snapshot snapshot, FatalHandler on_fatal);
  ~Engine();
  Engine(const Engine&) = delete;

  v8::Isolate* isolate() const { return isolate_; }

  // How far the heap may grow from now on (0: the default; never less than kHeapBytesMin); past it
  // JavaScript is terminated and out_of_memory() is true. Far past it, where terminating did not
  // help, the fatal handler is called.
  static constexpr size_t kHeapBytesMin = 16 << 20;
  void SetHeapMax(size_t bytes);
  size_t heap_max() const { return heap_max_; }
  bool out_of_memory() const { return out_of_memory_; }
  size_t heap_used() const;

  // For whoever serves the isolate's callbacks.
  static Engine* Of(v8::Isolate* isolate);
  void set_user(void* user) { user_ = user; }
  void* user() const { return user_; }

 private:
  static size_t OnNearHeapLimit(void* self, size_t current, size_t initial);
  static void OnCollected(v8::Isolate* isolate, v8::GCType type, v8::GCCallbackFlags flags);
  static void CollectAndCheck(v8::Isolate* isolate, void* self);
  void EndScript();
  static void OnOutOfMemory(const char* location, bool is_heap_oom);
  static void OnFatal(const char* location, const char* message);

  const FatalHandler on_fatal_;
  std::unique_ptr<v8::ArrayBuffer::Allocator> allocator_;
  v8::Isolate* isolate_ = nullptr;
  size_t heap_max_;
  bool out_of_memory_ = false;
  bool check_asked_ = false;
  void* user_ = nullptr;
};

}  // namespace odw::script
