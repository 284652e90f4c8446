// What a person does to a live run: pause, unpause, skip a node, restart a node (SPEC L4, L5, P27, P46).
// Stop is RunMachine's. Of a command and an answer the one journaled first wins (DESIGN, races): a node
// that has an answer, held because its run is paused, can be skipped and restarted no more.
//
// While a run is paused nothing of it starts, no timer fires and nothing is delivered to its script; what
// runs ends, and what it ends with is journaled. Settled while paused: what the core settles of itself (a
// skip, a refusal, a cleared timer, a workflow that was looked up). Held: answers and final failures.
// When it goes on, the former are delivered first, then the held ones settle in the order in which
// they ended, then timers that are due fire in due order.
#pragma once

#include "daemon/core/node_machine.h"
#include "daemon/core/run_machine.h"

namespace odw::core {

class Controls {
 public:
  Controls(World* world, NodeMachine* nodes, RunMachine* runs, Scheduler* scheduler,
           HostAdmission* hosts)
      : world_(world), nodes_(nodes), runs_(runs), scheduler_(scheduler), hosts_(hosts) {}

  // Each is answered by a Reply: NOT_FOUND for an unknown run or node, or one that is no agent call;
  // FAILED_PRECONDITION where the run or the node is past it.
  void OnPause(const PauseRun& pause);
  void OnUnpause(const UnpauseRun& unpause);
  void OnSkip(const SkipNode& skip);
  void OnRestart(const RestartNode& restart);
  // The time may have come until which a run is paused.
  void OnPauseEnds(Run* run);

 private:
  // The run that a command speaks of, where it may still be changed; else null, and why.
  Run* FindOpen(const std::string& run_id, const std::string& owner, absl::Status* why);
  // The same of a node: null unless it is an agent call whose end is open.
  Node* FindUndecided(Run* run, NodeId id, const char* verb, absl::Status* why);
  void GoOn(Run* run);

  World* const world_;
  NodeMachine* const nodes_;
  RunMachine* const runs_;
  Scheduler* const scheduler_;
  HostAdmission* const hosts_;
};

}  // namespace odw::core
