// Checks a script before a run exists: parses it, reads its meta, finds its dialect. Implemented by
// daemon/hosts, which asks a process of `odw-script --load`.
//
// Threads: Load may be called by any thread; `done` is called once, on any thread, and must not
// block.
#pragma once

#include <functional>

#include "daemon/base/status.h"
#include "odw/v1/script.pb.h"

namespace odw::model {

class ScriptLoader {
 public:
  virtual ~ScriptLoader() = default;
  // A script that is wrong is an OK answer with LoadReply.ok = false and its problems. An error
  // means that the loader itself failed (Unavailable, DeadlineExceeded, ...). `request.id` is the
  // loader's.
  virtual void Load(v1::script::LoadRequest request,
                    std::function<void(absl::StatusOr<v1::script::LoadReply>)> done) = 0;
};

}  // namespace odw::model
