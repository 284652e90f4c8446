// Bugs that tests/sim plants in its own build of the core, one at a time, to prove that it would
// find them. In the product PlantedBug() is a constant false, and the places that ask are compiled
// away.
#pragma once

namespace odw::core {

enum class Bug {
  kNone,
  kAckBeforeCommit,        // an executor drops a result that a crash then loses
  kReplyBeforeCommit,      // a client is told of a run that a crash then loses
  kTokenCheckDropped,      // an answered attempt's token stays good
  kLeaseNeverEnds,         // a lost executor is waited for for ever
  kGraceNotRestarted,      // a restarted daemon gives executors no time to come back
  kSideEffectsRepeated,    // what may not be repeated is, after a lease
  kOldSessionAccepted,     // a stream of an older session replaces a newer one's list
  kMissingTokenKept,       // an assignment that its executor does not hold is waited for
  kGivenUpForgotten,       // a late answer is not welcome any more
  kSettlementTwice,        // after replay, the last settlement is delivered again
  kSettledSettlesAgain,    // a result for a settled node is taken for its answer
  kCapForgottenAtRestart,  // adopted attempts do not count against the run's cap
  kBackoffForgotten,       // a failed attempt is tried again at once
  kDivergenceIgnored,      // replay is not compared with what was recorded
  kKeyOfOpenRunForgotten,  // an idempotency key is only known once its run is committed
  kUnknownTaskFillsNoSlot,  // a task that no run knows is not counted against its executor's slots
  kAnsweredIsRestored,      // a restart forgets which attempts have been answered
  kLoserForgotten,          // what a late attempt of a settled node used is not charged
  kTokenOutlivesRun,        // an attempt is given up in the step that ends its run, and stays known
  kIdleDeathCounts,         // a host that died waiting counts against its script
  kFewerCallsUnnoticed,     // a replay may make fewer calls than are recorded
  kStopUndoesReturn,        // a stop after the return takes the result away
  kTriedAfterReturn,        // a lost attempt is replaced though nobody waits for its node
  kFollowsHashOrder,        // effects come in the order of a hash table
  kEvictedBeforeDrained,   // an ended run is freed while its attempts are cancelled
  kCount,
};

#if defined(ODW_PLANTED_BUGS)
inline Bug planted_bug = Bug::kNone;
inline bool PlantedBug(Bug bug) { return planted_bug == bug; }
#else
constexpr bool PlantedBug(Bug) { return false; }
#endif

}  // namespace odw::core
