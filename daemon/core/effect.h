// All that the core can ask for. Effects come in order; those marked GATED may leave the process only
// when every Append before them is durable (output_gate.h).
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "daemon/core/input.h"
#include "daemon/model/value.h"

namespace odw::core {

// Append one event (with the values it refers to) to a run.
struct Append {
  std::string run_id;
  uint64_t seq = 0;
  std::string bytes;                 // serialized v1::Event
  std::vector<model::Value> values;  // those that are not inline
};

// Not gated: a host has no effect outside.
struct HostStart {
  std::string run_id;
  HostEpoch epoch = 0;
  std::string owner;
  v1::script::Start start;           // without source and args
  model::Value source;
  std::optional<model::Value> args;
};
struct HostSettle {
  std::string run_id;
  HostEpoch epoch = 0;
  v1::script::Settle settle;         // without value_json and text
  enum class Fill { kNone, kJson, kText };
  Fill fill = Fill::kNone;           // where `value` belongs
  model::Value value;
};
struct HostRelease {
  std::string run_id;
  HostEpoch epoch = 0;
};

// Look a workflow up for a call of workflow() (SPEC H1, M) and answer with WorkflowFound. Not gated: it
// only reads files. Asked again after a restart.
struct FindWorkflow {
  std::string run_id;
  uint64_t node = 0;
  std::string cwd;
  std::string name;         // or else
  std::string script_path;
  v1::Dialect dialect = v1::BUILTIN;
};

// GATED from here on.
struct SendAssign {
  SessionId session = 0;
  v1::Assign assign;                 // request without the prompt
  model::Value prompt;
};
struct SendAck {
  SessionId session = 0;
  std::string token;
};
struct SendCancel {
  SessionId session = 0;
  std::string token;
  std::string reason;
};
struct SendWelcome {
  SessionId session = 0;
};
// Ends the stream with an error: another protocol version, an executor id attached twice.
struct CloseSession {
  SessionId session = 0;
  absl::Status why;
};
struct Reply {
  RequestId request = 0;
  absl::Status status;
  std::string run_id;
  bool existing = false;
};
// The run is over and durable: whoever waits for its result may read it now.
struct RunEnded {
  std::string run_id;
};

using Effect = std::variant<Append, HostStart, HostSettle, HostRelease, FindWorkflow, SendAssign, SendAck, SendCancel,
                            SendWelcome, CloseSession, Reply, RunEnded>;

}  // namespace odw::core
