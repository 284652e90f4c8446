// Following a run to its end across lost connections and daemon restarts. One thread.
#pragma once

#include <functional>
#include <string>

#include "client/session.h"

namespace odw::client {

struct FollowOptions {
  std::string run_id;
  uint64_t after = 0;  // events up to this number are not wanted
};

struct FollowCallbacks {
  std::function<void(const v1::WatchEvent&)> on_event;
  // "the connection was lost; ...", "the run waits: no executor for codex". Also from another
  // thread, but never after FollowRun has returned.
  std::function<void(const std::string&)> on_note;
};

// OK when the run has ended; each numbered event was handed on once. Gives up with a failure when
// the daemon cannot be reached for kFollowPatience.
absl::Status FollowRun(Session& session, const FollowOptions& options,
                       const FollowCallbacks& callbacks);

}  // namespace odw::client
