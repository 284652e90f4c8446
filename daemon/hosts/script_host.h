// One odw-script process as odwd sees it: a socket, what is still to be written to it, and the run that
// it serves. Values are read from the journal only as the socket drains, so that the replay of a long
// run never lies in memory whole.
//
// Threads: one, the owner's of the poller.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "daemon/base/fd.h"
#include "daemon/base/frame.h"
#include "daemon/model/value.h"
#include "odw/v1/script.pb.h"

namespace odw::hosts {

// Reads a value that is not at hand.
using ReadValue =
    std::function<absl::StatusOr<std::string>(const std::string& run_id, const v1::Blob& blob)>;

// A frame to send, its value not filled in yet.
struct PendingFrame {
  v1::script::ToHost frame;
  enum class Fill { kNone, kSource, kSettleJson, kSettleText };
  Fill fill = Fill::kNone;
  model::Value value;
  std::optional<model::Value> args;  // Start only
};

class ScriptHost {
 public:
  enum class State { kStarting, kIdle, kBusy, kEnding };

  explicit ScriptHost(UniqueFd socket) : socket_(std::move(socket)) {}

  int fd() const { return socket_.get(); }

  // Queues a frame; Pump sends it.
  void Push(PendingFrame frame) { pending_.push_back(std::move(frame)); }
  // Writes as much as the socket takes. False: bytes are left, and the caller watches for writability.
  absl::StatusOr<bool> Pump(const ReadValue& read_value);
  // Forgets what was not sent yet.
  void DropPending() { pending_.clear(); }

  FrameReader& reader() { return reader_; }

  State state = State::kStarting;
  std::string run_id;       // kBusy
  uint64_t epoch = 0;
  std::string owner;        // of the last run it served; empty: none yet
  size_t turns_open = 0;    // inputs sent whose turn is not over
  absl::Time idle_since = absl::InfiniteFuture();
  uint32_t pid = 0;
  bool pump_queued = false;

 private:
  absl::Status Encode(const ReadValue& read_value);

  const UniqueFd socket_;
  FrameReader reader_;
  std::deque<PendingFrame> pending_;
  std::string out_;
  size_t out_start_ = 0;
};

}  // namespace odw::hosts
