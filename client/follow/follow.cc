#include "client/follow/follow.h"

#include <algorithm>

#include "absl/time/clock.h"

namespace odw::client {
namespace {

constexpr absl::Duration kFollowPatience = absl::Seconds(60);
constexpr absl::Duration kPauseMin = absl::Milliseconds(20);
constexpr absl::Duration kPauseMax = absl::Seconds(1);

// The daemon went away, or cut a watcher that was too slow: both go on from the last number.
bool CanGoOn(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

}  // namespace

absl::Status FollowRun(Session& session, const FollowOptions& options,
                       const FollowCallbacks& callbacks) {
  uint64_t last = options.after;
  absl::Time heard = absl::Now();
  absl::Duration pause = kPauseMin;
  bool noted = false;
  for (;;) {
    const absl::StatusOr<ControlClient*> client = session.Client();
    absl::Status status = client.status();
    if (client.ok()) {
      v1::WatchRequest request;
      request.set_run_id(options.run_id);
      request.set_after(last);
      status = (*client)->Watch(request, [&](const v1::WatchEvent& event) {
        heard = absl::Now();
        pause = kPauseMin;
        noted = false;
        if (event.number() != 0 && event.number() <= last) return Watching::kGoOn;
        last = std::max(last, event.number());
        callbacks.on_event(event);
        return event.has_run_ended() ? Watching::kEnough : Watching::kGoOn;
      });
      if (status.ok()) return status;
    }
    if (!CanGoOn(status) || absl::Now() - heard > kFollowPatience) return status;
    if (!noted) {
      callbacks.on_note("the connection was lost (" + MessageOf(status) +
                        "); trying again from event " + std::to_string(last));
      noted = true;
    }
    session.Disconnect();
    absl::SleepFor(pause);
    pause = std::min(pause * 2, kPauseMax);
  }
}

}  // namespace odw::client
