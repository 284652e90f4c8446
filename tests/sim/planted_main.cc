// sim_planted: the simulator against a core with one planted bug at a time
// (daemon/core/planted_bug.h), each in a process of its own, for a core that is wrong may well
// abort. A bug that survives all seeds is a failure: of the simulator.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include "daemon/core/planted_bug.h"
#include "tests/sim/runner.h"

namespace {

using odw::core::Bug;

constexpr uint64_t kSeedsMax = 2000;
constexpr unsigned kSecondsMax = 120;

const char* NameOf(Bug bug) {
  switch (bug) {
    case Bug::kAckBeforeCommit: return "ack before commit";
    case Bug::kReplyBeforeCommit: return "reply before commit";
    case Bug::kTokenCheckDropped: return "token check dropped";
    case Bug::kLeaseNeverEnds: return "lease never ends";
    case Bug::kGraceNotRestarted: return "grace not restarted with the daemon";
    case Bug::kSideEffectsRepeated: return "side effects repeated";
    case Bug::kOldSessionAccepted: return "old session accepted";
    case Bug::kMissingTokenKept: return "missing token not queued again";
    case Bug::kGivenUpForgotten: return "given-up attempt forgotten";
    case Bug::kSettlementTwice: return "settlement delivered twice after replay";
    case Bug::kSettledSettlesAgain: return "settled node settles again";
    case Bug::kCapForgottenAtRestart: return "cap ignored after recovery";
    case Bug::kBackoffForgotten: return "requeue forgets its backoff";
    case Bug::kDivergenceIgnored: return "divergence check skipped";
    case Bug::kKeyOfOpenRunForgotten: return "key of an open run forgotten";
    case Bug::kUnknownTaskFillsNoSlot: return "unknown task fills no slot";
    case Bug::kAnsweredIsRestored: return "answered attempt restored";
    case Bug::kLoserForgotten: return "loser's usage forgotten";
    case Bug::kTokenOutlivesRun: return "token outlives its run";
    case Bug::kIdleDeathCounts: return "death of a waiting host counts";
    case Bug::kFewerCallsUnnoticed: return "fewer calls in replay unnoticed";
    case Bug::kStopUndoesReturn: return "stop undoes the return";
    case Bug::kTriedAfterReturn: return "tried again after the return";
    case Bug::kFollowsHashOrder: return "effects in hash order";
    case Bug::kEvictedBeforeDrained: return "run freed before its tokens drained";
    case Bug::kStartsWhilePaused: return "starts while paused";
    case Bug::kDeliversWhilePaused: return "delivers while paused";
    case Bug::kTimerFiresWhilePaused: return "timer fires while paused";
    case Bug::kTimersForgotten: return "timers forgotten by a pause";
    case Bug::kHeldForgotten: return "held answers forgotten";
    case Bug::kHeldOutOfOrder: return "held answers settle out of order";
    case Bug::kSkipUndoesAnswer: return "skip undoes a held answer";
    case Bug::kSkipLeavesAttempts: return "skipped call's task goes on";
    case Bug::kFencedAnswerTaken: return "answer from before a restart taken";
    case Bug::kRestartedNotQueued: return "restarted call not queued";
    case Bug::kLookupForgotten: return "workflow not asked for after a restart";
    case Bug::kLookupAnsweredTwice: return "second answer to a look-up taken";
    case Bug::kPrefixGoesOn: return "prefix goes on after a miss";
    case Bug::kAnswersTwice: return "an old result answers twice";
    case Bug::kReservationIgnored: return "reservation ignored";
    case Bug::kOtherMoneyUncounted: return "money of other currencies uncounted";
    case Bug::kRefusedBeforeReuse: return "a budget's refusal before reuse";
    case Bug::kDayForgotten: return "the day's ceiling forgotten";
    case Bug::kDayUsageLost: return "the day's usage lost at restart";
    case Bug::kDayUsageOfEndedLost: return "the same, of ended runs";
    case Bug::kDayHoldForgotten: return "what is in flight holds nothing of the day";
    case Bug::kDayPauseForgotten: return "paused for a day, for ever";
    case Bug::kDayPauseEndsEarly: return "paused for a day, too short";
    case Bug::kLaneIgnored: return "lane ignored";
    case Bug::kBreakerIgnored: return "open breaker ignored";
    case Bug::kFallbackNotQueued: return "a fallback that is not queued";
    default: return "?";
  }
}

// In the child: each seed's number goes down the pipe before it runs, the finding after the last.
[[noreturn]] void Hunt(Bug bug, const odw::sim::RunnerOptions& options, int fd) {
  alarm(kSecondsMax);
  if (std::freopen("/dev/null", "w", stderr) == nullptr) _exit(3);
  odw::core::planted_bug = bug;
  odw::sim::Coverage coverage;
  for (uint64_t seed = options.start; seed < options.start + options.seeds; ++seed) {
    const std::string line = std::to_string(seed) + " ";
    if (write(fd, line.data(), line.size()) < 0) _exit(3);
    if (const auto broken = odw::sim::RunSeed(seed, options.trace, &coverage)) {
      const std::string found = "\n" + *broken;
      _exit(write(fd, found.data(), found.size()) < 0 ? 3 : 1);
    }
  }
  _exit(0);
}

std::string ReadAll(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t size = 0; (size = read(fd, buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<size_t>(size));
  close(fd);
  return text;
}

// True when the bug was found.
bool Try(Bug bug, const odw::sim::RunnerOptions& options) {
  int ends[2];
  if (pipe(ends) != 0) return false;
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    Hunt(bug, options, ends[1]);
  }
  close(ends[1]);
  const std::string told = ReadAll(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);

  const size_t end = told.find('\n');
  const std::string seeds = told.substr(0, end);
  const size_t last = seeds.find_last_of(' ', seeds.size() < 2 ? 0 : seeds.size() - 2);
  const std::string seed = seeds.substr(last == std::string::npos ? 0 : last + 1);
  std::string how = end == std::string::npos ? "" : told.substr(end + 1);
  if (WIFSIGNALED(status)) {
    how = WTERMSIG(status) == SIGABRT ? "the core's own check" : strsignal(WTERMSIG(status));
  }
  const bool found = (WIFEXITED(status) && WEXITSTATUS(status) == 1) ||
                     (WIFSIGNALED(status) && WTERMSIG(status) != SIGALRM);
  std::printf("%-42s %s seed %-6s %s\n", NameOf(bug), found ? "found at" : "SURVIVED", seed.c_str(),
              how.c_str());
  return found;
}

}  // namespace

int main(int argc, char** argv) {
  const odw::sim::RunnerOptions options = odw::sim::ParseFlags(argc, argv, kSeedsMax);
  int passed = 0, failed = 0;
  for (int bug = 1; bug < static_cast<int>(Bug::kCount); ++bug) {
    Try(static_cast<Bug>(bug), options) ? ++passed : ++failed;
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed > 0 ? 1 : 0;
}
