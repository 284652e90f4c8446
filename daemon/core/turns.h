// What a run's script does, one turn at a time: its calls and lines become events, replay is
// compared with what is recorded, its return and its host's death are told to RunMachine.
#pragma once

#include "daemon/core/run_machine.h"

namespace odw::core {

class Turns {
 public:
  Turns(World* world, RunMachine* runs, Scheduler* scheduler, HostAdmission* hosts)
      : world_(world), runs_(runs), scheduler_(scheduler), hosts_(hosts) {}

  void OnTurn(HostTurn turn);
  void OnWorkflowFound(WorkflowFound found);
  void OnHostGone(const HostGone& gone);

 private:
  void OnCall(Run* run, v1::script::Call call);
  void OnLine(Run* run, const v1::script::Line& line);
  static v1::ErrorCategory CategoryOf(const v1::script::Thrown& thrown);
  void OnBodyDone(Run* run, const v1::script::Turn& turn);
  void OnAgentCall(Run* run, NodeId id);
  void WarnOfSize(Run* run);
  bool RefuseAgent(Run* run, NodeId id);
  void CancelTimer(Run* run, NodeId id);
  bool Diverges(Run* run, const v1::script::Call& call, const Fingerprint& fingerprint);
  void MissesCalls(Run* run, const char* what_it_does);
  void CheckDeadlock(Run* run);

  World* const world_;
  RunMachine* const runs_;
  Scheduler* const scheduler_;
  HostAdmission* const hosts_;
};

}  // namespace odw::core
