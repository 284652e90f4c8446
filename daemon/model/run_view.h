// The journal's records as clients see them: folds v1::Event into a v1::Run, and turns single
// records into v1::WatchEvent. Reads only what is committed; decides nothing. Not thread-safe;
// cheap to make.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "daemon/model/usage_math.h"
#include "odw/v1/control.pb.h"
#include "odw/v1/journal.pb.h"

namespace odw::model {

// Lines of the script's log that a Run carries.
inline constexpr size_t kLogTailLines = 200;
// Failed attempts of a node whose errors a Run carries: the first ones.
inline constexpr int kAttemptErrorsMax = 10;

class RunView {
 public:
  // In order of `seq`; every event of the run.
  void Apply(uint64_t seq, const v1::Event& event);

  // Everything folded so far, with nodes in call order. Only agent() calls are nodes: timers and
  // child workflows take ordinals but do no work of their own. May be called again after more
  // events.
  v1::Run Build() const;

  // The header, once applied; null before.
  const v1::RunSubmitted* header() const { return header_ ? &*header_ : nullptr; }

 private:
  v1::Node* FindNode(uint64_t ordinal);
  void OnCalled(int64_t unix_ms, const v1::NodeCalled& called);
  void OnAttemptStarted(int64_t unix_ms, const v1::AttemptStarted& started);
  void OnAttemptEnded(const v1::AttemptEnded& ended);
  void OnSettled(int64_t unix_ms, const v1::Settled& settled);
  void OnRequeued(int64_t unix_ms, const v1::NodeRequeued& requeued);
  void OnBlocked(const v1::NodeBlocked& blocked);
  void OnRestarted(const v1::NodeRestarted& restarted);
  void OnLine(const v1::ScriptLine& line);
  void OnEnded(int64_t unix_ms, const v1::RunEndedRecord& ended);
  // A cached node's answer, and where it came from.
  void OnReused(const v1::Settled& settled, v1::Node* node);

  // A success that may become the node's result when it settles.
  struct Success {
    uint32_t attempt = 0;
    v1::Blob value;
    bool is_json = false;
    int64_t started_unix_ms = 0;
    int64_t ended_unix_ms = 0;
    v1::Worktree worktree;
    v1::SchemaPath schema_path = v1::SCHEMA_PATH_NONE;
    uint32_t repair_turns = 0;
    std::vector<std::string> not_enforced;
  };
  static void FillFrom(Success success, v1::Node* node);

  std::optional<v1::RunSubmitted> header_;
  v1::Run run_;                                  // without counts, census and log, which Build adds
  absl::flat_hash_map<uint64_t, int> index_of_;  // ordinal -> place in run_.node
  absl::flat_hash_map<uint64_t, Success> successes_;
  absl::flat_hash_map<uint64_t, std::string> blocked_why_;
  absl::flat_hash_set<uint64_t> with_fallback_;  // nodes that more than one model may answer
  std::deque<std::string> log_;
  std::string paused_why_;
};

// A summary as a Run without nodes.
v1::Run RunFromSummary(const v1::RunSummary& summary);
// The other way; nodes and log are dropped. `body_sha256` and the idempotency key are not in a Run.
v1::RunSummary SummaryFromRun(const v1::Run& run);

// True for a state that a run never leaves.
bool IsEnded(v1::RunState state);

// What a watcher is told of a record; nullopt: nothing. `summary` is the run's, and only looked at
// for the record that ends it (its census); may be null otherwise. A NodeChanged without a state
// means that the node's state stays as it was; label and phase come with the call alone, runtime and
// model with the call and as each attempt was assigned.
std::optional<v1::WatchEvent> ToWatchEvent(uint64_t seq, const v1::Event& event,
                                           const v1::RunSummary* summary);

}  // namespace odw::model
