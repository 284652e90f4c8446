// Who runs next: queued nodes onto executors' slots, fairly across owners, then runs, then in call
// order. One queue for each kind of demand (runtime, provider, model, command, work tree, permission).
//
// A node waits until its run is not paused, its cap has room, its provider is asked at present (lanes,
// breakers), and a live executor that serves it has a free slot.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "daemon/core/budget.h"
#include "daemon/core/world.h"

namespace odw::core {

// A queued call that its run cannot pay for, though nothing of it is in flight.
struct Unaffordable {
  Run* run = nullptr;
  NodeId node = 0;
  bool pauses = false;  // the run; else the call is refused
  int64_t until_unix_ms = 0;
  std::string why;
};

// A queued call of which every executor that serves it has an open breaker.
struct ShutOut {
  Run* run = nullptr;
  NodeId node = 0;
  v1::Error error;      // what it fails with; retry_after_ms: when the provider is asked again
  bool counts = false;  // the provider has failed just now: that counts against the call's own tries
};

class Scheduler {
 public:
  explicit Scheduler(World* world) : world_(world) {}

  // REQUIRES: the node is kQueued. It is forgotten by itself once it is not.
  void Enqueue(Run* run, NodeId node);
  // The run has ended: drops all it had queued.
  void Forget(Run* run);
  // The run may start more than before: an attempt no longer counts against its cap, or it goes on.
  void RunMayStart(Run* run);
  // Of the day: an attempt has ended, or the day has.
  void DayHasRoom();
  // An executor came, went or changed what it serves.
  void ExecutorsChanged();

  // Assigns all that can be assigned now. What cannot be paid for is for the caller to see to, who then
  // calls again.
  void AssignReady();
  std::vector<Unaffordable> TakeUnaffordable() { return std::exchange(unaffordable_, {}); }
  // Calls that are not queued any more; the caller says what becomes of them, and calls again.
  std::vector<ShutOut> TakeShutOut() { return std::exchange(shut_out_, {}); }

  // Some connected executor takes such calls.
  bool Served(const v1::AgentRequest& request) const;
  // One entry for each kind of demand of this run that something holds up.
  std::vector<std::string> WaitingFor(const Run& run) const;

 private:
  struct RunQueue {
    Run* run = nullptr;
    std::deque<NodeId> nodes;
    bool in_ring = false;
  };
  struct OwnerRing {
    std::deque<RunQueue*> runs;
    bool in_ring = false;
  };
  struct Demand {
    std::string runtime, provider, model, command, permission;
    bool worktree = false;
    absl::flat_hash_map<const Run*, std::unique_ptr<RunQueue>> by_run;
    absl::flat_hash_map<std::string, std::unique_ptr<OwnerRing>> by_owner;
    std::deque<OwnerRing*> owners;
    std::vector<Executor*> candidates;
    bool candidates_stale = true;
  };

  Demand* DemandOf(const v1::AgentRequest& request);
  void RefreshCandidates(Demand* demand);
  bool HasShutOut(const Run& run, const Demand& demand) const;
  std::string WhyWaits(const Demand& demand) const;
  // When every candidate's provider is shut; the one that opens first.
  std::optional<Breakers::Shut> ShutFor(const Demand& demand) const;
  void ShutOutAll(Demand* demand, const Breakers::Shut& shut);
  bool Admits(const Executor& executor, const std::string& provider) const;
  Executor* WithItsSession(const Node& node, Executor* otherwise) const;
  Executor* FreeExecutor(Demand* demand);
  void AddToRing(Demand* demand, RunQueue* queue);
  static bool Waits(const Run& run, NodeId node, const Demand& demand);
  // The next assignable node's queue, with that node at its front; null when there is none.
  RunQueue* Next(Demand* demand);
  bool AssignOne(Demand* demand);
  Affordance AffordAt(const Run& run, NodeId node, const Executor& executor) const;
  void WaitForDay(const Run& run);
  void Assign(Run* run, NodeId node, Executor* executor, const Affordance& afford);
  bool MayStart(const Run& run) const;

  World* const world_;
  absl::flat_hash_map<std::string, std::unique_ptr<Demand>> demands_;
  std::vector<Unaffordable> unaffordable_;
  std::vector<std::string> day_waiters_;  // runs that DayHasRoom lets try again
  uint32_t day_alarm_ = 0;                // the day whose end has an alarm
  std::vector<ShutOut> shut_out_;
  std::vector<Demand*> order_;  // in order of first use, so that a simulation repeats itself
};

}  // namespace odw::core
