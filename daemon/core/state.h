// What the core knows: runs, nodes, executors. Plain data. Of a run, all but `host` and `live` is a
// fold of its events (apply.h) and so the same after a restart; the rest is rebuilt.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "daemon/core/input.h"
#include "daemon/model/value.h"

namespace odw::core {

using NodeId = uint64_t;  // the ordinal, from 1
using Fingerprint = std::array<char, 16>;

struct Attempt {
  uint32_t number = 0;
  std::string token;
  std::string executor_id;
  uint32_t executor_pid = 0;
  bool repeatable = false;
  bool live = false;      // may still answer, and is waited for
  bool given_up = false;  // its executor did not come back in time; a late success is still welcome
};

enum class NodePhase : uint8_t {
  kQueued,   // may be assigned
  kBackoff,  // waits for due_ms, then queued
  kRunning,  // an attempt is live
  kBlocked,  // its host is lost and it may not be repeated
  kTimer,    // waits for due_ms, then settled
  kAwaited,  // an attempt ended; the decision follows in the same step
  kSettled,
};

// What a call asks for; kept until the node settles.
struct CallDetails {
  v1::AgentRequest request;  // without the prompt
  model::Value prompt;
};

struct Node {
  Fingerprint fingerprint{};
  std::unique_ptr<CallDetails> details;
  std::unique_ptr<model::Value> answer;  // of an attempt, until it settles the node
  std::vector<Attempt> attempts;
  int64_t due_ms = 0;
  int64_t queued_ms = 0;  // when it last became ready to run
  std::string runtime;    // AGENT; outlives `details` for the metrics
  uint64_t settled_seq = 0;
  uint32_t attempts_started = 0;
  uint16_t tries_failed = 0;  // that count against the node
  uint8_t kind = 0;           // v1::script::CallKind
  NodePhase phase = NodePhase::kQueued;
  v1::ErrorCategory last_error = v1::ERROR_CATEGORY_UNSPECIFIED;
};

// Settlement number i of a run is settlements[i - 1].
struct Settlement {
  NodeId node = 0;
  v1::Settled::Outcome outcome = v1::Settled::RESOLVE_NULL;
  model::Value value;  // RESOLVE_JSON, RESOLVE_TEXT
  double budget_spent = 0;
  // REJECT only.
  struct Rejection {
    std::string name, message, code;
  };
  std::unique_ptr<Rejection> rejection;
};

// A run's link to the script host that evaluates it at present.
struct HostLink {
  enum class State { kNone, kWaiting, kActive };
  State state = State::kNone;
  HostEpoch epoch = 0;
  uint64_t fed = 0;           // settlements sent to this host
  uint64_t finished = 0;      // settlements whose turn is over here
  bool started = false;       // the Start's own turn is over
  uint64_t replay_until = 0;  // settlements up to this one repeat history
  uint64_t calls_seen = 0;
  uint64_t lines_seen = 0;
  absl::Time quiet_since = absl::InfinitePast();
  uint32_t deaths = 0;        // in a row, without progress
  uint64_t progress_mark = 0; // last_seq at the last death
};

struct Counts {
  uint32_t total = 0, queued = 0, running = 0, done = 0, failed = 0, skipped = 0, cached = 0,
           blocked = 0, cancelled = 0;
};

struct Run {
  v1::RunSubmitted header;
  int64_t submitted_ms = 0;
  uint64_t last_seq = 0;
  std::deque<Node> nodes;  // [ordinal - 1]
  std::vector<Settlement> settlements;
  uint64_t agents_called = 0;
  uint64_t refusals = 0;
  uint64_t lines = 0;      // recorded script lines
  double budget_spent = 0;
  v1::RunState state = v1::RUNNING;
  v1::Health health = v1::OK;
  v1::Error error;
  int64_t ended_ms = 0;
  std::optional<v1::RunReturned> returned;
  int64_t returned_ms = 0;
  Counts counts;
  v1::Usage usage;
  std::array<uint32_t, 32> census{};  // failed nodes by ErrorCategory
  uint32_t re_executed = 0;
  uint64_t re_executed_tokens = 0;
  std::string current_phase;
  std::vector<std::string> phases;

  HostLink host;

  // Rebuilt, not folded.
  struct Live {
    uint32_t running = 0;               // agents that hold a slot of this run's cap
    uint64_t unsettled = 0;
    absl::flat_hash_set<std::string> tokens;  // attempts whose answer may still come
    bool dirty = false;                 // its summary must be rewritten
    std::shared_ptr<const ReuseTable> reusable;  // of header.resumed_from(); null: none
  } live;

  const std::string& id() const { return header.run_id(); }
  bool ended() const { return state != v1::RUNNING && state != v1::PAUSED; }
  Node& node(NodeId id) { return nodes[id - 1]; }
  const Node& node(NodeId id) const { return nodes[id - 1]; }
};

struct Executor {
  v1::Register info;
  SessionId session = 0;  // 0: not connected
  bool draining = false;
  // What it holds as far as is known here: assigned or in its list, and no word of its end yet. Tokens
  // that no run knows any more count too: their tasks fill slots until they end.
  absl::flat_hash_set<std::string> tokens;
  absl::Time lease_until = absl::InfiniteFuture();  // while not connected

  bool connected() const { return session != 0; }
  bool has_free_slot() const {
    return connected() && !draining && tokens.size() < info.slots();
  }
};

// Where a token points.
struct TokenRef {
  Run* run = nullptr;
  NodeId node = 0;
  uint32_t attempt = 0;
};

Attempt* FindAttempt(Node& node, uint32_t number);
void AddUsage(const v1::Usage& more, v1::Usage* total);

}  // namespace odw::core
