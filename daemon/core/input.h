// All that can reach the core. Plain data; adapters make these and post them to the core's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "daemon/base/status.h"
#include "daemon/core/reuse_table.h"
#include "odw/v1/executor.pb.h"
#include "odw/v1/journal.pb.h"
#include "odw/v1/script.pb.h"

namespace odw::core {

// A caller that waits for a Reply effect. 0: nobody does.
using RequestId = uint64_t;
// One Attach stream, numbered by the adapter, never reused within a process.
using SessionId = uint64_t;
// One assignment of a run to a script host.
using HostEpoch = uint64_t;

// The script was loaded and found valid. `header` has everything but blobs, which are made from the
// bytes here.
struct Submit {
  RequestId request = 0;
  v1::RunSubmitted header;
  std::string source;
  std::optional<std::string> args_json;
  // A committed run of this owner that holds the same idempotency key.
  std::optional<v1::RunSummary> holder_of_key;
  // What header.resumed_from() may answer with; null: nothing. After a restart it comes by
  // Engine::SetReusable.
  std::shared_ptr<const ReuseTable> reusable;
};

struct StopRun {
  RequestId request = 0;
  std::string run_id;
  std::string owner;
  std::string reason;
};

// Pause, or go on (SPEC L4, P46). Ceilings: of the budget, when they are raised; 0: as they were.
struct PauseRun {
  RequestId request = 0;
  std::string run_id;
  std::string owner;
  std::string reason;
};
struct UnpauseRun {
  RequestId request = 0;
  std::string run_id;
  std::string owner;
  uint64_t tokens_max = 0;
  int64_t cost_micros_max = 0;
};

// Skip: the node resolves to null. Restart: its call is made again (SPEC L4, L5, P27).
struct SkipNode {
  RequestId request = 0;
  std::string run_id;
  std::string owner;
  uint64_t node = 0;
};
struct RestartNode {
  RequestId request = 0;
  std::string run_id;
  std::string owner;
  uint64_t node = 0;
};

// The answer to a FindWorkflow effect. Answers to a node that is settled, or of an unknown run, are dropped.
struct WorkflowFound {
  std::string run_id;
  uint64_t node = 0;
  bool ok = false;
  std::string value_json;  // ok: {"name", "source"} as the script host takes it
  std::string message;     // !ok: what the promise is rejected with (SPEC H5)
};

struct HostTurn {
  std::string run_id;
  HostEpoch epoch = 0;
  v1::script::Turn turn;
};

// The host of a run is gone. `fatal` when it could say why.
struct HostGone {
  std::string run_id;
  HostEpoch epoch = 0;
  std::optional<v1::script::Fatal> fatal;
};

struct ExecutorAttached {
  SessionId session = 0;
  v1::Register info;
};
struct ExecutorDetached {
  SessionId session = 0;
};
struct ExecutorSaid {
  SessionId session = 0;
  v1::FromExecutor message;  // result, progress, heartbeat, lost, draining
};

// A group of appended events could not be made durable: nothing more will be. Sticky.
struct JournalFailed {
  absl::Status status;
};

// Time has passed; see Engine::NextWake.
struct Tick {};

using Input = std::variant<Submit, StopRun, PauseRun, UnpauseRun, SkipNode, RestartNode, WorkflowFound, HostTurn, HostGone, ExecutorAttached, ExecutorDetached,
                           ExecutorSaid, JournalFailed, Tick>;

}  // namespace odw::core
