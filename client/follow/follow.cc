#include "client/follow/follow.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "client/follow/wait_notes.h"

namespace odw::client {
namespace {

constexpr absl::Duration kFollowPatience = absl::Seconds(60);
constexpr absl::Duration kAliveAfter = absl::Seconds(5);
constexpr absl::Duration kPauseMin = absl::Milliseconds(20);
constexpr absl::Duration kPauseMax = absl::Seconds(1);

// The daemon went away, or cut a watcher that was too slow: both go on from the last number.
bool CanGoOn(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

class Follower {
 public:
  Follower(Session& session, const FollowOptions& options, const FollowCallbacks& callbacks)
      : session_(session), options_(options), callbacks_(callbacks), last_(options.after) {}

  // One stream from the last number on, until it ends.
  absl::Status WatchOnce() {
    ODW_ASSIGN_OR_RETURN(ControlClient* const client, session_.Client());
    WaitNotes waits(client, options_.run_id, [&](const std::string& reason) {
      callbacks_.on_note("run " + options_.run_id + " waits: " + reason);
    });
    v1::WatchRequest request;
    request.set_run_id(options_.run_id);
    request.set_after(last_);
    const absl::Time began = absl::Now();
    const absl::Status status = client->Watch(request, [&](const v1::WatchEvent& event) {
      waits.OnEvent();
      lost_since_ = absl::InfiniteFuture();
      if (event.number() != 0 && event.number() <= last_) return Watching::kGoOn;
      last_ = std::max(last_, event.number());
      callbacks_.on_event(event);
      return event.has_run_ended() ? Watching::kEnough : Watching::kGoOn;
    });
    // A stream that held for a while was alive, also without an event.
    if (absl::Now() - began > kAliveAfter) lost_since_ = absl::InfiniteFuture();
    return status;
  }

  // False when it has been too long.
  bool WaitToTryAgain(const absl::Status& status) {
    const absl::Time now = absl::Now();
    if (lost_since_ == absl::InfiniteFuture()) {
      lost_since_ = now;
      pause_ = kPauseMin;
      callbacks_.on_note("the connection was lost (" + MessageOf(status) +
                         "); trying again from event " + std::to_string(last_));
    }
    if (now - lost_since_ > kFollowPatience) return false;
    session_.Disconnect();
    absl::SleepFor(pause_);
    pause_ = std::min(pause_ * 2, kPauseMax);
    return true;
  }

 private:
  Session& session_;
  const FollowOptions& options_;
  const FollowCallbacks& callbacks_;
  uint64_t last_;
  absl::Time lost_since_ = absl::InfiniteFuture();
  absl::Duration pause_ = kPauseMin;
};

}  // namespace

absl::Status FollowRun(Session& session, const FollowOptions& options,
                       const FollowCallbacks& callbacks) {
  Follower follower(session, options, callbacks);
  for (;;) {
    const absl::Status status = follower.WatchOnce();
    if (status.ok() || !CanGoOn(status) || !follower.WaitToTryAgain(status)) return status;
  }
}

}  // namespace odw::client
