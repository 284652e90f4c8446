// What the parts of the core share: the state, the time of the present step, and the one way to make
// something happen (Emit). Each part is a class over a World; which part may call which is in README.md.
#pragma once

#include <memory>
#include <queue>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "daemon/core/breaker.h"
#include "daemon/core/day.h"
#include "daemon/core/effect.h"
#include "daemon/core/lanes.h"
#include "daemon/core/meter.h"
#include "daemon/core/settings.h"
#include "daemon/core/state.h"

namespace odw::core {

// What a wake-up is for. Entries may be stale: whoever handles one checks that it still applies.
struct Alarm {
  enum class Kind { kNodeDue, kLease, kReturnGrace, kLeftover, kHostPark, kPauseEnds, kDayEnds };
  absl::Time at;
  Kind kind;
  std::string subject;  // run id or executor id
  NodeId node = 0;
  uint64_t serial = 0;  // alarms of one time ring in the order in which they were set (SPEC P38)

  bool operator>(const Alarm& other) const {
    return at != other.at ? at > other.at : serial > other.serial;
  }
};

// Counted for metrics and tests; the loop reads the differences.
struct Stats {
  uint64_t submits = 0, assigns = 0, adoptions = 0, results = 0, discarded_results = 0, requeues = 0,
           lost_attempts = 0, parks = 0, host_starts = 0, replays = 0, replayed_settlements = 0,
           host_deaths = 0, settled = 0;
};

class World {
 public:
  explicit World(Settings settings) : day(settings.day), settings_(std::move(settings)) {}

  const Settings& settings() const { return settings_; }
  absl::Time now() const { return now_; }
  int64_t now_ms() const { return absl::ToUnixMillis(now_); }
  void set_now(absl::Time now) { now_ = now; }

  Run* FindRun(const std::string& run_id);
  Executor* FindExecutor(const std::string& executor_id);

  // Stamps, applies and appends one event: the only way that a run changes. `values` are those of the
  // event's blobs that are not inline.
  void Emit(Run* run, v1::Event event, std::vector<model::Value> values = {});
  void Do(Effect effect) { effects_.push_back(std::move(effect)); }
  void WakeAt(absl::Time at, Alarm::Kind kind, const std::string& subject, NodeId node = 0);
  void MarkDirty(Run* run);

  absl::flat_hash_map<std::string, std::unique_ptr<Run>> runs;
  absl::flat_hash_map<std::string, std::unique_ptr<Executor>> executors;
  absl::flat_hash_map<SessionId, Executor*> sessions;
  absl::flat_hash_map<std::string, TokenRef> tokens;
  std::priority_queue<Alarm, std::vector<Alarm>, std::greater<>> alarms;
  std::vector<Run*> dirty;
  Lanes lanes;
  DayBook day;
  Meter meter;
  Breakers breakers;
  Stats stats;

  std::vector<Effect> TakeEffects() { return std::exchange(effects_, {}); }

 private:
  void ChargeDay(const Run& run, const v1::Event& event);

  const Settings settings_;
  uint64_t last_alarm_ = 0;
  absl::Time now_ = absl::UnixEpoch();
  std::vector<Effect> effects_;
};

}  // namespace odw::core
