// What a watcher knows of a run, folded from its events: the model behind the live tree. One thread
// at a time. Memory is bounded by the run's own limit on nodes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "odw/v1/control.pb.h"

namespace odw::client {

struct TreeNode {
  uint64_t ordinal = 0;
  v1::NodeState state = v1::NODE_STATE_UNSPECIFIED;
  std::string label;
  std::string phase;
  std::string runtime;
  std::string model;
  std::string error;  // "rate_limit: the provider said later"
  std::string note;   // what it is doing, as its runtime says; only while it runs
  uint32_t attempt = 0;
  uint64_t tokens = 0;
  int64_t started_unix_ms = 0;  // of the current attempt
  int64_t ended_unix_ms = 0;
};

struct TreeCounts {
  // `cached` and `skipped` are of `done`.
  uint32_t total = 0, running = 0, done = 0, failed = 0, waiting = 0, cached = 0, skipped = 0;
  uint64_t tokens = 0;
};

struct TreePhase {
  std::string title;  // empty: nodes outside any phase
  TreeCounts counts;
  std::vector<uint64_t> ordinals;  // in call order
};

class RunTree {
 public:
  // Numbered events are applied once, in order; a repeat after a resumed stream is dropped.
  void Apply(const v1::WatchEvent& event);

  const std::string& name() const { return name_; }
  v1::RunState state() const { return state_; }
  // Why it is paused; empty otherwise.
  const std::string& state_why() const { return state_why_; }
  v1::Health health() const { return health_; }
  int64_t started_unix_ms() const { return started_unix_ms_; }
  int64_t ended_unix_ms() const { return ended_unix_ms_; }
  uint64_t last_number() const { return last_number_; }
  bool ended() const { return ended_unix_ms_ != 0; }
  const v1::RunEnded& end() const { return end_; }
  const TreeCounts& counts() const { return counts_; }
  // Millionths, by currency.
  const std::map<std::string, int64_t>& costs() const { return costs_; }
  // How long the calls made so far still take if they take as long as those before; 0: not known.
  // More calls may follow, so a run rarely takes less.
  int64_t RemainingMillis(int64_t now_unix_ms) const;
  // In the order first seen; those that meta declares come first.
  const std::vector<TreePhase>& phases() const { return phases_; }
  const TreeNode& node(uint64_t ordinal) const { return nodes_.at(ordinal).view; }
  // The last few log lines, oldest first.
  const std::vector<std::string>& log() const { return log_; }

 private:
  struct Spent {
    uint64_t tokens = 0;
    int64_t cost_micros = 0;
    std::string currency;
  };
  struct Entry {
    TreeNode view;
    size_t phase = 0;
    std::map<uint32_t, Spent> attempts;  // what each has used
  };

  void ApplyNode(const v1::NodeChanged& changed, int64_t unix_ms);
  void ApplyProgress(const v1::NodeProgress& progress);
  static void TakeUsage(const v1::Usage& usage, uint32_t attempt, Entry* entry);
  size_t PhaseIndex(const std::string& title);
  void Count(const Entry& entry, int sign);

  std::string name_, state_why_;
  v1::RunState state_ = v1::RUNNING;
  v1::Health health_ = v1::OK;
  v1::RunEnded end_;
  int64_t started_unix_ms_ = 0, ended_unix_ms_ = 0;
  int64_t worked_ms_ = 0;  // by nodes that ran to their end, of which there are:
  uint32_t worked_ = 0;
  uint64_t last_number_ = 0;
  std::map<std::string, int64_t> costs_;
  TreeCounts counts_;
  std::vector<TreePhase> phases_;
  std::map<uint64_t, Entry> nodes_;
  std::vector<std::string> log_;
};

}  // namespace odw::client
