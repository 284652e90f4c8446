#include "tests/sim/coverage.h"

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <string_view>

namespace odw::sim {
namespace {

// Event: the node's phase (or the run's) before -> after. All that may happen, and all that must.
constexpr const char* kTransitions[] = {
    "attempt ended: queued -> queued",
    "attempt ended: blocked -> awaited",
    "attempt ended: blocked -> blocked",
    "attempt ended: running -> awaited",
    "attempt ended: running -> running",
    "attempt ended: settled -> settled",
    "attempt started: backoff -> running",
    "attempt started: blocked -> running",
    "attempt started: queued -> running",
    "attempt started: running -> running",
    "blocked: running -> blocked",
    "budget changed: paused -> paused",
    "called: nothing -> lookup",
    "called: nothing -> queued",
    "called: nothing -> timer",
    "ended COMPLETED: returned -> ended",
    "ended FAILED: returned -> ended",
    "ended KILLED: paused -> ended",
    "ended KILLED: running -> ended",
    "ended NEEDS_ATTENTION: running -> ended",
    "late usage: ended -> ended",
    "line: paused -> paused",
    "line: running -> running",
    "paused: running -> paused",
    "requeued: awaited -> backoff",
    "requeued: awaited -> queued",
    "requeued: backoff -> backoff",
    "requeued: backoff -> queued",
    "requeued: queued -> backoff",
    "requeued: queued -> queued",
    "restarted: backoff -> queued",
    "restarted: blocked -> queued",
    "restarted: queued -> queued",
    "restarted: running -> queued",
    "returned an error: running -> returned",
    "returned: paused -> returned",
    "returned: running -> returned",
    "session seen: running -> running",
    "settled: awaited -> settled",
    "settled: backoff -> settled",
    "settled: blocked -> settled",
    "settled: lookup -> settled",
    "settled: queued -> settled",
    "settled: running -> settled",
    "settled: timer -> settled",
    "stop requested: paused -> paused",
    "stop requested: running -> running",
    "submitted: nothing -> running",
    "unpaused: paused -> running",
    "warning line: paused -> paused",
    "warning line: returned -> returned",
    "warning line: running -> running",
};

// May happen as well, and does in histories too few to be asked for.
constexpr const char* kRareTransitions[] = {
    "attempt ended: awaited -> awaited",
    "attempt ended: backoff -> backoff",
    "ended NEEDS_ATTENTION: paused -> ended",
    "returned an error: paused -> returned",
};

// Rules that were put to use; who died or broke, and in the middle of what.
constexpr const char* kPoints[] = {
    "budget: a cost ceiling over several currencies",
    "budget: a call that passes a ceiling is stopped",
    "budget: an estimate that was learnt",
    "budget: an output that is clamped",
    "budget: refused by the script's budget",
    "budget: refused for want of a rate",
    "budget: several in flight below a ceiling",
    "budget: the day pauses a run",
    "budget: the next day lets it go on",
    "budget: unpaused before the next day",
    "daemon: durable, gate shut",
    "daemon: gate half open",
    "daemon: handled, not queued for the journal",
    "daemon: idle",
    "daemon: in a sync, which reached the disk",
    "daemon: in a sync, which was lost",
    "daemon: inputs unread",
    "daemon: just recovered",
    "daemon: queued, not synced",
    "executor: finished, not spooled",
    "executor: idle",
    "executor: its machine",
    "executor: offered, not acknowledged",
    "executor: spooled, not offered",
    "executor: tasks in memory",
    "executor: tasks under supervisors",
    "journal: a sync failed",
    "provider: a breaker closes",
    "provider: a breaker opens",
    "provider: a breaker opens for longer",
    "provider: a call falls back",
    "provider: a lane is narrowed",
    "script host: before its first turn",
    "script host: between the frames of a turn",
    "script host: in replay",
    "script host: released",
    "script host: settlements unread",
    "script host: turns on their way",
    "script host: waiting",
    "stream: daemon's messages on their way",
    "stream: executor's messages on their way",
    "stream: silent",
    "task: its supervisor died",
};

int PrintRequired(const char* title, const std::map<std::string, uint64_t>& passed,
                  uint64_t least) {
  int low = 0;
  std::printf("%s\n", title);
  for (const auto& [name, times] : passed) {
    const bool few = times < least;
    low += few;
    std::printf("%12llu  %s%s\n", static_cast<unsigned long long>(times), name.c_str(),
                few ? "   <-- few" : "");
  }
  return low;
}

}  // namespace

Coverage::Coverage() {
  for (const char* name : kTransitions) transitions_[name] = 0;
  for (const char* name : kPoints) points_[name] = 0;
}

bool Coverage::Moved(const std::string& transition) {
  const auto found = transitions_.find(transition);
  if (found == transitions_.end()) {
    Count("rare: " + transition);
    return std::any_of(std::begin(kRareTransitions), std::end(kRareTransitions),
                       [&](std::string_view rare) { return rare == transition; });
  }
  ++found->second;
  return true;
}

void Coverage::Passed(const std::string& point) { ++points_.at(point); }

int Coverage::Print(uint64_t least) const {
  const int low = PrintRequired("transitions", transitions_, least) +
                  PrintRequired("kill points", points_, least);
  std::printf("besides\n");
  for (const auto& [name, times] : counters_) {
    std::printf("%12llu  %s\n", static_cast<unsigned long long>(times), name.c_str());
  }
  return low;
}

}  // namespace odw::sim
