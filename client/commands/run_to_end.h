// What exec, resume and rerun do once the daemon has named a run: follow it, print its result,
// write its report, judge its end. One thread.
#pragma once

#include <string>

#include "client/run_exit.h"
#include "client/session.h"
#include "odw/v1/control.pb.h"

namespace CLI {
class App;
}

namespace odw::client {

struct FollowFlags {
  std::string report;   // --report FILE
  std::string fail_on;  // --fail-on
  std::string events;   // --events
  bool strict_ok = false;
  bool detach = false;
  bool quiet = false;
};

void AddFollowFlags(CLI::App* command, FollowFlags* flags);

// Checked before anything is submitted.
absl::StatusOr<Acceptance> AcceptanceOf(const FollowFlags& flags);

// The end of `submitted`: OK, or what its state, --fail-on or --strict-ok make of it.
absl::Status RunToEnd(Session& session, const v1::SubmitResponse& submitted,
                      const FollowFlags& flags, const Acceptance& accept);

}  // namespace odw::client
