// One node's attempts: what an answer or a loss means, whether to try again, what the script sees.
#pragma once

#include <string>

#include "daemon/core/run_machine.h"
#include "daemon/core/world.h"

namespace odw::core {

class NodeMachine {
 public:
  NodeMachine(World* world, RunMachine* runs) : world_(world), runs_(runs) {}

  // An executor's answer. Every answer is acknowledged once what it means is durable; one for a token
  // that nobody waits for is acknowledged and dropped. The first valid answer of any attempt wins.
  void OnResult(SessionId session, v1::Result result);

  // The runtime's own session of an attempt became known: journaled, so that the next attempt goes on
  // with it also after a restart.
  // One in which the model has said nothing yet is not worth going on with.
  void OnSession(TokenRef ref, const v1::Progress& progress);

  struct Loss {
    std::string why;
    bool re_executed = false;  // it had begun: the next attempt repeats work
    bool given_up = false;     // not proved dead: a late success is still welcome
  };
  // The attempt is gone without an answer: its node runs again.
  void OnAttemptLost(TokenRef ref, const Loss& loss);
  // The attempt's host is gone and its fate unknown. Runs again only what may; else the node is blocked,
  // and the attempt is waited for.
  enum class Lease { kOver, kKept };
  Lease OnLeaseExpired(TokenRef ref, const std::string& executor_name);
  // An answer that was held while the run was paused: what it means now.
  void SettleAnswered(Run* run, NodeId id);
  // What an attempt has used so far: past a ceiling of its run or the day it is stopped.
  void OnUsage(TokenRef ref, const v1::Usage& so_far);
  // Its provider is not asked at present: it has failed as if it had been, or waits.
  void OnShutOut(const ShutOut& call);
  // A host came back with an attempt that was given up or blocked.
  void OnAttemptBack(TokenRef ref, const Executor& executor);

 private:
  void OnAnswer(Run* run, NodeId id, uint32_t attempt, v1::Result result);
  void OnFailure(Run* run, NodeId id, const v1::Error& error);
  void EmitEnded(TokenRef ref, v1::Result result, bool discarded);
  // `counts`: against the node's own tries.
  bool TryAgain(Run* run, NodeId id, const v1::Error& error, bool counts);
  bool FallBack(Run* run, NodeId id, const v1::Error& error);
  void RepeatLost(Run* run, NodeId id, const std::string& why);
  void WarnOfTokens(Run* run, double before);
  void SayStalled(Run* run, NodeId id, uint32_t tries, uint32_t tries_max);
  void SettleFailed(Run* run, NodeId id, const v1::Error& error);

  World* const world_;
  RunMachine* const runs_;
};

}  // namespace odw::core
