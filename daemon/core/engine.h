// The core: a deterministic state machine. Inputs come in with the time; effects come out in order. No
// I/O, no clock, no threads, no randomness: the same inputs give the same effects.
//
// Threads: one, the core's.
//
//   engine.Restore(...) for every event of every open run; engine.FinishRecovery(now);
//   loop: engine.Handle(now, input); effects = engine.TakeEffects();   at NextWake(): Handle(now, Tick{})
//
// The effects of one Handle belong together: their Appends go into one group of the journal.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/core/controls.h"
#include "daemon/core/effect.h"
#include "daemon/core/host_admission.h"
#include "daemon/core/input.h"
#include "daemon/core/leases.h"
#include "daemon/core/node_machine.h"
#include "daemon/core/run_machine.h"
#include "daemon/core/scheduler.h"
#include "daemon/core/settings.h"
#include "daemon/core/turns.h"
#include "daemon/core/world.h"

namespace odw::core {

class Engine {
 public:
  explicit Engine(Settings settings);

  // Folds one recorded event. DataLoss: this run cannot be read; it is dropped from memory, others live.
  absl::Status Restore(const std::string& run_id, const v1::Event& event);
  // Drops a run that could not be restored.
  void Forget(const std::string& run_id) { world_.runs.erase(run_id); }
  // Derives what the fold does not hold: queues, alarms, leases, hosts.
  void FinishRecovery(absl::Time now);

  // Of a restored run that resumes another; before FinishRecovery.
  void SetReusable(const std::string& run_id, std::shared_ptr<const ReuseTable> reusable);

  // What a run that has ended had used on the day of its latest charge; before FinishRecovery.
  void ChargeDay(uint32_t day, const v1::Usage& usage);

  // The run that held this idempotency key is deleted from the journal.
  void ForgetKey(const std::string& owner, const std::string& key) { runs_.ForgetKey(owner, key); }

  void Handle(absl::Time now, Input input);
  std::vector<Effect> TakeEffects() { return world_.TakeEffects(); }
  // When Handle(Tick) is due next; InfiniteFuture when nothing waits for time.
  absl::Time NextWake() const;

  // The summaries of all runs that changed since the last call. Call when a group is cut.
  std::vector<v1::RunSummary> TakeSummaries();

  const World& world() const { return world_; }
  size_t hosts_active() const { return hosts_.active(); }

 private:
  void OnTick();
  void Assign();
  void OnAlarm(const Alarm& alarm);

  World world_;
  Scheduler scheduler_;
  HostAdmission hosts_;
  RunMachine runs_;
  Turns turns_;
  NodeMachine nodes_;
  Controls controls_;
  Leases leases_;
  bool journal_failed_ = false;
};

}  // namespace odw::core
