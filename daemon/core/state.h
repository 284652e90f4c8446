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

#include "absl/container/flat_hash_map.h"
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
  bool live = false;      // may still answer
  bool given_up = false;  // its executor did not come back in time; a late success is still welcome
  bool fenced = false;    // its node was restarted: only its usage counts
  uint64_t reserved_tokens = 0;  // held against the run's ceilings while it fills the run's cap
  int64_t reserved_micros = 0;

  bool awaited() const { return live && !fenced; }
};

enum class NodePhase : uint8_t {
  kQueued,   // may be assigned
  kBackoff,  // waits for due_ms, then queued
  kRunning,  // an attempt is live
  kBlocked,  // its host is lost and it may not be repeated
  kTimer,    // waits for due_ms, then settled
  kLookup,   // a workflow is looked for
  kAwaited,  // an attempt ended; the decision follows in the same step, or when the run goes on
  kSettled,
};

// What a call asks for; kept until the node settles.
struct CallDetails {
  v1::AgentRequest request;  // without the prompt
  model::Value prompt;
  std::string reuse_key;
};

// The runtime's own session of a node's latest attempt that had one: what the next attempt goes on
// with where its executor is the same.
struct RuntimeSession {
  std::string id;
  std::string token;  // of the attempt
  std::string executor_id;
  std::string runtime;
};

// What a call of workflow() names, until it settles.
struct Lookup {
  std::string name, script_path;
};

// What the last attempt ended with, until its node settles.
struct AttemptAnswer {
  uint32_t attempt = 0;
  bool ok = false;
  bool is_json = false;
  model::Value value;  // ok
  v1::Error error;     // !ok
};

struct Node {
  Fingerprint fingerprint{};
  std::unique_ptr<RuntimeSession> session;  // null: none known; until it settles or is restarted
  std::unique_ptr<CallDetails> details;
  std::unique_ptr<Lookup> lookup;  // WORKFLOW
  std::unique_ptr<AttemptAnswer> answer;
  std::vector<Attempt> attempts;
  int64_t due_ms = 0;
  int64_t queued_ms = 0;  // when it last became ready to run
  std::string runtime;    // AGENT; outlives `details` for the metrics
  int64_t waited_ms = 0;  // in backoffs, since the call or its restart
  double spent = 0;       // by its attempts so far, as the budget counts
  uint64_t settled_seq = 0;
  uint32_t attempts_started = 0;
  uint16_t tries_failed = 0;  // that count against the node
  uint16_t losses = 0;        // attempts that had begun and vanished with their host
  uint8_t kind = 0;           // v1::script::CallKind
  NodePhase phase = NodePhase::kQueued;
  v1::ErrorCategory last_error = v1::ERROR_CATEGORY_UNSPECIFIED;

  // What it ends with is journaled: no later answer or command changes it. Held until the run goes on
  // when that is not its settlement.
  bool decided() const { return phase == NodePhase::kSettled || phase == NodePhase::kAwaited; }
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
  uint32_t backoff = 0;  // of those queued; not folded, for its end is no event
};

// What calls of one model have used of late (budget.h).
struct Estimate {
  double tokens = 0, micros = 0;
};

// Of a reuse table: the reuse keys of its successes by request key, in call order.
using ReuseIndex = absl::flat_hash_map<std::string, std::vector<std::string>>;

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
  double late_spent = 0;   // by attempts of settled nodes; the next settlement carries it
  v1::RunState state = v1::RUNNING;
  std::string paused_why;
  int64_t paused_until_ms = 0;  // 0: until somebody asks
  std::vector<NodeId> held;  // kAwaited while paused, in the order in which they ended
  v1::Health health = v1::OK;
  v1::Error error;
  int64_t ended_ms = 0;
  std::optional<v1::RunReturned> returned;
  int64_t returned_ms = 0;
  Counts counts;
  v1::Usage usage;
  uint32_t usage_day = 0;  // of the latest charge: days since 1970, UTC
  v1::Usage day_usage;     // what was charged on that day
  v1::Usage saved_usage;  // of cached nodes: what was not paid again
  std::array<uint32_t, 32> census{};  // failed nodes by ErrorCategory
  uint32_t re_executed = 0;
  uint64_t re_executed_tokens = 0;
  std::string current_phase;
  std::vector<std::string> phases;
  // Agent calls so far by request and place (reuse_key.h), and the agent types that they named.
  absl::flat_hash_map<std::string, uint32_t> occurrences;
  absl::flat_hash_set<std::string> agent_types;
  // Successes of calls with an id of their own (SPEC O24): by request key, the settlement's number.
  absl::flat_hash_map<std::string, uint64_t> memo;
  absl::flat_hash_map<std::string, Estimate> estimates;  // of runs with a ceiling, by model
  // Nodes of the resumed run that have answered a call of this one.
  absl::flat_hash_set<uint64_t> reused;

  HostLink host;

  // Rebuilt, not folded.
  struct Live {
    uint32_t running = 0;               // agents that hold a slot of this run's cap
    uint64_t unsettled = 0;
    absl::flat_hash_set<std::string> tokens;  // attempts whose answer may still come
    bool dirty = false;                 // its summary must be rewritten
    std::shared_ptr<const ReuseTable> reusable;  // of header.resumed_from(); null: none
    std::shared_ptr<const ReuseIndex> reuse_index;  // of `reusable`, once it was needed
  } live;

  const std::string& id() const { return header.run_id(); }
  bool ended() const { return state != v1::RUNNING && state != v1::PAUSED; }
  bool paused() const { return state == v1::PAUSED; }
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
// The model has said something.
inline bool HasAnswered(const v1::Usage& usage) {
  return usage.output_tokens() > 0 || usage.model_calls() > 0 || usage.tool_calls() > 0;
}
// What counts against budget.spent(): output tokens, or all tokens in the original's dialect (SPEC O8).
double SpentBy(v1::Dialect dialect, const v1::Usage& usage);

}  // namespace odw::core
