// Executors: attach, detach, the grace for those that went away, and what each of them says.
//
// An executor registers with the COMPLETE list of what it holds. An assigned token missing from it is
// queued again; a token unknown here is cancelled. While it is away its attempts keep their lease; the
// grace counts from the later of the stream's loss and the daemon's start.
#pragma once

#include "daemon/core/node_machine.h"
#include "daemon/core/world.h"

namespace odw::core {

class Leases {
 public:
  Leases(World* world, NodeMachine* nodes, Scheduler* scheduler)
      : world_(world), nodes_(nodes), scheduler_(scheduler) {}

  void OnAttached(ExecutorAttached attached);
  void OnDetached(SessionId session);
  void OnSaid(ExecutorSaid said);
  void OnLeaseAlarm(const std::string& executor_id);

  // After a restart: the attempts of a run whose executors may still be at work.
  void Recover(Run* run);

 private:
  void Reconcile(Executor* executor, uint32_t pid);
  void TakeBack(Executor* executor, const v1::Held& task);
  void StartGrace(Executor* executor);

  World* const world_;
  NodeMachine* const nodes_;
  Scheduler* const scheduler_;
};

}  // namespace odw::core
