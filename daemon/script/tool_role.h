// The stateless roles, --load and --validate: request frames on standard input, reply frames on
// standard output, in order, each served by a JavaScript tool in its own realm under a watchdog. A
// tool that was cut off gets a new isolate. Main thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "daemon/script/engine.h"
#include "daemon/script/snapshot.h"
#include "daemon/script/watchdog.h"
#include "v8.h"

namespace odw::script {

class ToolRole {
 public:
  struct Options {
    Snapshot snapshot;
    uint32_t cpu_ms_max;  // a request's
    bool generates_code;  // ajv compiles a schema to a function
  };
  // One request; the reply's bytes, or nullopt for a frame that is no request.
  using Serve = std::function<std::optional<std::string>(std::string_view frame)>;

  explicit ToolRole(const Options& options);

  // Enters the sandbox and serves until the end of the input. The exit status.
  int Run(const Serve& serve);

  // Calls internals[name](...) of the tool's realm inside `body`, which gets the realm's context
  // and must return false when JavaScript failed it. False too when time or memory ran out; the
  // isolate is then replaced.
  bool Call(const std::function<bool(v8::Local<v8::Context>, v8::Local<v8::Object>)>& body);
  // Of the last Call.
  bool timed_out() const { return timed_out_; }

 private:
  void NewRealm();

  const Options options_;
  Watchdog watchdog_;
  std::unique_ptr<Engine> engine_;
  v8::Global<v8::Context> context_;
  bool timed_out_ = false;
};

}  // namespace odw::script
