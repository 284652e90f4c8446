// One run's life: submitted, its script's turns (calls, lines, the return), settlements, the end.
#pragma once

#include <string>

#include "daemon/core/host_admission.h"
#include "daemon/core/scheduler.h"
#include "daemon/core/world.h"

namespace odw::core {

class RunMachine {
 public:
  RunMachine(World* world, Scheduler* scheduler, HostAdmission* hosts)
      : world_(world), scheduler_(scheduler), hosts_(hosts) {}

  void OnSubmit(Submit submit);
  void OnStop(const StopRun& stop);
  void OnTurn(HostTurn turn);
  void OnHostGone(const HostGone& gone);

  // Journals what the script will see of a call and feeds it. The caller fills all but the sequence.
  // REQUIRES: the node is not settled and the run has not ended.
  void Settle(Run* run, NodeId node, v1::Settled settled);

  // Queues the node again, at once or at `not_before`.
  void Requeue(Run* run, NodeId node, absl::Time not_before, const std::string& why, bool counts);

  // A timer fires or a backoff ends.
  void OnNodeDue(Run* run, NodeId node);
  // The grace after the script's return is over.
  void OnReturnGrace(Run* run);
  // Ends a run whose cancelled attempts never answered.
  void OnLeftover(Run* run);

  // An attempt is over or given up: frees its run's and its executor's slot. Its token stays known.
  void ReleaseAttempt(Run* run, const std::string& token);

  // Rebuilds what is not folded, once, after a restart. REQUIRES: the run has not ended.
  void Recover(Run* run);

  // Ended runs that nothing refers to any more, their summaries taken, are freed.
  void EvictEnded();

 private:
  void OnCall(Run* run, v1::script::Call call);
  void OnLine(Run* run, const v1::script::Line& line);
  void OnBodyDone(Run* run, const v1::script::Turn& turn);
  void OnAgentCall(Run* run, NodeId id);
  bool RefuseAgent(Run* run, NodeId id);
  void CancelTimer(Run* run, NodeId id);
  bool Diverges(Run* run, const v1::script::Call& call, const Fingerprint& fingerprint);
  void CheckDeadlock(Run* run);
  void Fail(Run* run, v1::ErrorCategory category, const std::string& message);
  void Return(Run* run, v1::RunReturned returned, model::Value value);
  void FinishReturned(Run* run);
  void End(Run* run, v1::RunState state, const v1::Error& error);
  void CancelAttempts(Run* run, const std::string& reason);
  void ForgetLostAttempts(Run* run);
  bool ReplyToKnownKey(const Submit& submit);

  World* const world_;
  Scheduler* const scheduler_;
  HostAdmission* const hosts_;
  // Idempotency keys of open and just ended runs, which the journal may not show yet.
  absl::flat_hash_map<std::string, std::pair<std::string, std::string>> keys_;  // -> run id, body
  std::deque<std::string> keys_of_ended_;
  std::vector<std::string> ended_;
};

}  // namespace odw::core
