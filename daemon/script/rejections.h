// Promises that were rejected while nobody listened. A script may await them late or never; that is
// a warning in the log, not a failure (SPEC C11). The isolate's thread.
#pragma once

#include <cstddef>
#include <vector>

#include "daemon/script/engine.h"
#include "v8.h"

namespace odw::script {

class Rejections {
 public:
  // Listens on the engine's isolate until destroyed. One at a time an engine.
  explicit Rejections(Engine* engine);
  ~Rejections();
  Rejections(const Rejections&) = delete;

  struct Batch {
    std::vector<v8::Local<v8::Value>> reasons;
    size_t more = 0;  // beyond what is kept
  };
  // Those that nobody handles yet, but for `except`. Forgets them.
  Batch Take(v8::Local<v8::Promise> except);

 private:
  static void OnReject(v8::PromiseRejectMessage message);

  struct Entry {
    v8::Global<v8::Promise> promise;
    v8::Global<v8::Value> reason;
  };
  Engine* const engine_;
  std::vector<Entry> unhandled_;
  size_t more_ = 0;
};

}  // namespace odw::script
