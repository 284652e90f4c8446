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
  kStartsWhilePaused,      // a queued node of a paused run is assigned
  kDeliversWhilePaused,    // a settlement reaches the script of a paused run
  kTimerFiresWhilePaused,  // a timer of a paused run settles
  kTimersForgotten,        // one that was due while its run was paused never fires
  kHeldForgotten,          // an answer that was held is not settled when the run goes on
  kHeldOutOfOrder,         // held answers are settled in call order
  kSkipUndoesAnswer,       // a skip takes a held answer away
  kSkipLeavesAttempts,     // what a skipped node has running is not cancelled
  kFencedAnswerTaken,      // the answer of an attempt from before a restart settles the node
  kRestartedNotQueued,     // a restarted node is not queued again
  kLookupForgotten,        // a restart does not ask again for a workflow
  kLookupAnsweredTwice,    // a second answer to a look-up settles again
  kPrefixGoesOn,           // by prefix, a miss does not end reuse
  kAnswersTwice,           // by content, an old result answers two calls
  kReservationIgnored,     // a call starts though its run's budget is held by others
  kOtherMoneyUncounted,    // money of a second currency is not counted against a ceiling
  kDayForgotten,           // the ceiling of a day is not looked at
  kDayUsageLost,           // a restart forgets what open runs have used today
  kDayUsageOfEndedLost,    // a restart forgets what ended runs have used today
  kRefusedBeforeReuse,     // a spent budget refuses a call that an earlier result would answer
  kDayHoldForgotten,       // what is in flight is not held against the day
  kDayPauseForgotten,      // after a restart nobody lets a run go on that the day has paused
  kDayPauseEndsEarly,      // it goes on before the day is over
  kLaneIgnored,            // more is sent than a provider takes at a time
  kBreakerIgnored,         // a provider is asked while its breaker is open
  kFallbackNotQueued,      // a call that goes on with another model is not queued
  kCount,
};

#if defined(ODW_PLANTED_BUGS)
inline Bug planted_bug = Bug::kNone;
inline bool PlantedBug(Bug bug) { return planted_bug == bug; }
#else
constexpr bool PlantedBug(Bug) { return false; }
#endif

}  // namespace odw::core
