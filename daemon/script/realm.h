// One context made from the snapshot: the globals that a workflow script finds. A child workflow
// has a realm of its own in the same isolate. The isolate's thread; the isolate must be entered.
#pragma once

#include <cstdint>
#include <string>

#include "v8.h"

namespace odw::script {

class Run;

class Realm {
 public:
  // What a script can observe of its run; set once by Open.
  struct Settings {
    uint32_t dialect = 1;
    uint32_t depth = 0;  // 1: a child workflow
    std::string first_phase;
    uint32_t list_length_max = 4096;
    double budget_total = 0;
    bool has_budget = false;
    std::string odw_json;  // of Start, for the `odw` global
  };

  // `queue` must outlive the realm's last use.
  Realm(v8::Isolate* isolate, v8::MicrotaskQueue* queue);
  ~Realm();
  Realm(const Realm&) = delete;

  // The realm of the running function; null outside a run.
  static Realm* Current(v8::Isolate* isolate);

  v8::Local<v8::Context> context() const { return context_.Get(isolate_); }
  v8::Isolate* isolate() const { return isolate_; }

  // Gives the realm to `run`; the prelude makes args and budget. False (with an exception pending)
  // when terminated.
  bool Open(Run* run, const std::string& child_path, const Settings& settings,
            v8::Local<v8::Value> args);
  Run* run() const { return run_; }
  const std::string& child_path() const { return child_path_; }

  // internals[name](...argv) of the prelude. Empty when it threw or was terminated.
  v8::MaybeLocal<v8::Value> CallInternal(const char* name, int argc, v8::Local<v8::Value>* argv);
  v8::Local<v8::Value> Internal(const char* name);

 private:
  v8::Isolate* const isolate_;
  v8::Global<v8::Context> context_;
  Run* run_ = nullptr;
  std::string child_path_;
};

}  // namespace odw::script
