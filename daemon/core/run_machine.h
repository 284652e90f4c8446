// One run's life: submitted, settlements, second attempts, the return, the end, recovery. What its
// script does is in turns.h.
#pragma once

#include <optional>
#include <string>

#include "daemon/core/host_admission.h"
#include "daemon/core/scheduler.h"
#include "daemon/core/world.h"

namespace odw::core {

v1::Error MakeError(v1::ErrorCategory category, const std::string& message);

class RunMachine {
 public:
  RunMachine(World* world, Scheduler* scheduler, HostAdmission* hosts)
      : world_(world), scheduler_(scheduler), hosts_(hosts) {}

  void OnSubmit(Submit submit);
  void OnStop(const StopRun& stop);
  // The run that held this idempotency key is deleted.
  void ForgetKey(const std::string& owner, const std::string& key) {
    keys_.erase(owner + '\0' + key);
  }

  // Journals what the script will see of a call and feeds it, or holds it while the run is paused. The
  // caller fills all but sequence, node and budget. `value`: of RESOLVE_* without an attempt.
  // REQUIRES: the node is not settled and the run has not ended.
  void Settle(Run* run, NodeId node, v1::Settled settled,
              std::optional<model::Value> value = std::nullopt);

  // Rejects a call by a settlement, so that replay sees the same. A script that goes on for ever after
  // refusals is failed (SPEC P32).
  void Refuse(Run* run, NodeId node, const std::string& code, const std::string& message);

  // Attempts of this node, but for number `winner`, that may still run: nobody waits for them any more.
  void CancelAttempts(Run* run, NodeId node, uint32_t winner, const std::string& reason);

  // The script's body is done, or its run cannot go on: fixes the result, and ends the run as soon as
  // nothing of it runs any more, at the latest after its grace.
  void Return(Run* run, v1::RunReturned returned, model::Value value);
  void Fail(Run* run, v1::ErrorCategory category, const std::string& message);
  // REQUIRES: the run is open, has not returned and is not paused.
  // `until_unix_ms`: it goes on by itself then; 0: only when somebody asks.
  void Pause(Run* run, const std::string& by, const std::string& why, int64_t until_unix_ms = 0);
  // A queued call that its run cannot pay for: refused, or the run is paused.
  void OnUnaffordable(const Unaffordable& call);
  // Ends the run now. Its attempts are cancelled, and waited for a while.
  void End(Run* run, v1::RunState state, const v1::Error& error);

  // Asks for the workflow that the node names. REQUIRES: the node is kLookup.
  void FindWorkflowOf(Run* run, NodeId node);
  // Queues the node again, at once or at `not_before`.
  void Requeue(Run* run, NodeId node, absl::Time not_before, const std::string& why, bool counts);

  // Queues the node with its next fallback. REQUIRES: it has one.
  void FallBack(Run* run, NodeId node, const std::string& why);

  // A timer fires or a backoff ends.
  void OnNodeDue(Run* run, NodeId node);
  // The grace after the script's return is over.
  void OnReturnGrace(Run* run);
  // Ends a run whose cancelled attempts never answered.
  void OnLeftover(Run* run);

  // An attempt is over or given up: frees its run's slot; the executor's is Leases' business. Its token
  // stays known.
  void ReleaseAttempt(Run* run, const std::string& token);

  // What an attempt holds of the day is others' again.
  void LetGoOfDay(const std::string& token);

  // Rebuilds what is not folded, once, after a restart. REQUIRES: the run has not ended.
  void Recover(Run* run);

  // Ended runs that nothing refers to any more, their summaries taken, are freed.
  void EvictEnded();

 private:
  bool LaterFallbackIsServed(v1::AgentRequest request) const;
  // Sets the alarm for the end of a pause that has one.
  void WatchPause(const Run& run);
  void FinishReturned(Run* run);
  void NameLeftovers(Run* run);
  void CancelAll(Run* run);
  void Cancel(const Attempt& attempt, const std::string& reason);
  void ForgetGivenUpAttempts(Run* run);
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
