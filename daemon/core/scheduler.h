// Who runs next: queued nodes onto executors' slots, fairly across owners, then runs, then in call
// order. One queue for each kind of demand (runtime, provider, model, command).
//
// A node waits until its run is not paused, its cap has room, and a live executor that serves it has a free slot.
#pragma once

#include <deque>
#include <memory>
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
  std::string why;
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
  // An executor came, went or changed what it serves.
  void ExecutorsChanged();

  // Assigns all that can be assigned now. What cannot be paid for is for the caller to see to, who then
  // calls again.
  void AssignReady();
  std::vector<Unaffordable> TakeUnaffordable() { return std::exchange(unaffordable_, {}); }

  // "no executor for codex", one entry for each kind of demand of this run that nothing serves.
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
    std::string runtime, provider, model, command;
    absl::flat_hash_map<const Run*, std::unique_ptr<RunQueue>> by_run;
    absl::flat_hash_map<std::string, std::unique_ptr<OwnerRing>> by_owner;
    std::deque<OwnerRing*> owners;
    std::vector<Executor*> candidates;
    bool candidates_stale = true;
  };

  Demand* DemandOf(const v1::AgentRequest& request);
  void RefreshCandidates(Demand* demand);
  Executor* WithItsSession(const Node& node, Executor* otherwise) const;
  Executor* FreeExecutor(Demand* demand);
  void AddToRing(Demand* demand, RunQueue* queue);
  static bool Waits(const Run& run, NodeId node, const Demand& demand);
  // The next assignable node's queue, with that node at its front; null when there is none.
  RunQueue* Next(Demand* demand);
  bool AssignOne(Demand* demand);
  Affordance AffordAt(const Run& run, NodeId node, const Demand& demand,
                      const Executor& executor) const;
  void Assign(Run* run, NodeId node, Executor* executor, const Affordance& afford);
  bool MayStart(const Run& run) const;

  World* const world_;
  absl::flat_hash_map<std::string, std::unique_ptr<Demand>> demands_;
  std::vector<Unaffordable> unaffordable_;
  std::vector<Demand*> order_;  // in order of first use, so that a simulation repeats itself
};

}  // namespace odw::core
