#include "daemon/core/engine.h"

#include <algorithm>

#include "daemon/core/apply.h"
#include "daemon/core/planted_bug.h"
#include "daemon/core/summary.h"

namespace odw::core {

Engine::Engine(Settings settings)
    : world_(settings),
      scheduler_(&world_),
      hosts_(&world_),
      runs_(&world_, &scheduler_, &hosts_),
      turns_(&world_, &runs_, &scheduler_, &hosts_),
      nodes_(&world_, &runs_),
      controls_(&world_, &nodes_, &runs_, &scheduler_, &hosts_),
      leases_(&world_, &nodes_, &scheduler_) {}

absl::Status Engine::Restore(const std::string& run_id, const v1::Event& event) {
  std::unique_ptr<Run>& run = world_.runs[run_id];
  if (!run) {
    run = std::make_unique<Run>();
    run->header.set_run_id(run_id);
  }
  absl::Status status = Apply(event, run.get());
  if (!status.ok()) world_.runs.erase(run_id);
  return status;
}

void Engine::FinishRecovery(absl::Time now) {
  world_.set_now(now);
  std::vector<Run*> runs;
  for (auto& [id, run] : world_.runs) runs.push_back(run.get());
  std::sort(runs.begin(), runs.end(), [](const Run* a, const Run* b) {
    return std::pair(a->submitted_ms, a->id()) < std::pair(b->submitted_ms, b->id());
  });
  for (Run* run : runs) {
    if (!PlantedBug(Bug::kDayUsageLost)) world_.day.Charge(run->usage_day, run->day_usage);
    leases_.Recover(run);
    runs_.Recover(run);
  }
  hosts_.Admit();
}

void Engine::ChargeDay(uint32_t day, const v1::Usage& usage) {
  if (!PlantedBug(Bug::kDayUsageOfEndedLost)) world_.day.Charge(day, usage);
}

void Engine::SetReusable(const std::string& run_id, std::shared_ptr<const ReuseTable> reusable) {
  if (Run* run = world_.FindRun(run_id)) run->live.reusable = std::move(reusable);
}

void Engine::Handle(absl::Time now, Input input) {
  if (journal_failed_) return;
  world_.set_now(now);
  struct Visitor {
    Engine* e;
    void operator()(Submit& in) { e->runs_.OnSubmit(std::move(in)); }
    void operator()(StopRun& in) { e->runs_.OnStop(in); }
    void operator()(PauseRun& in) { e->controls_.OnPause(in); }
    void operator()(UnpauseRun& in) { e->controls_.OnUnpause(in); }
    void operator()(SkipNode& in) { e->controls_.OnSkip(in); }
    void operator()(RestartNode& in) { e->controls_.OnRestart(in); }
    void operator()(WorkflowFound& in) { e->turns_.OnWorkflowFound(std::move(in)); }
    void operator()(HostTurn& in) { e->turns_.OnTurn(std::move(in)); }
    void operator()(HostGone& in) { e->turns_.OnHostGone(in); }
    void operator()(ExecutorAttached& in) { e->leases_.OnAttached(std::move(in)); }
    void operator()(ExecutorDetached& in) { e->leases_.OnDetached(in.session); }
    void operator()(ExecutorSaid& in) { e->leases_.OnSaid(std::move(in)); }
    void operator()(JournalFailed&) { e->journal_failed_ = true; }
    void operator()(Tick&) { e->OnTick(); }
  };
  std::visit(Visitor{this}, input);
  if (journal_failed_) return;
  hosts_.Admit();
  Assign();
  runs_.EvictEnded();
}

void Engine::Assign() {
  for (;;) {
    scheduler_.AssignReady();
    const std::vector<Unaffordable> unaffordable = scheduler_.TakeUnaffordable();
    const std::vector<ShutOut> shut_out = scheduler_.TakeShutOut();
    if (unaffordable.empty() && shut_out.empty()) break;
    for (const ShutOut& call : shut_out) nodes_.OnShutOut(call);
    for (const Unaffordable& call : unaffordable) {  // after those: it may pause a run
      runs_.OnUnaffordable(call);
      scheduler_.RunMayStart(call.run);
    }
    hosts_.Admit();  // a refusal is for a script to hear
  }
  world_.breakers.EndStep();
}

absl::Time Engine::NextWake() const {
  return world_.alarms.empty() ? absl::InfiniteFuture() : world_.alarms.top().at;
}

void Engine::OnTick() {
  while (!world_.alarms.empty() && world_.alarms.top().at <= world_.now()) {
    const Alarm alarm = world_.alarms.top();
    world_.alarms.pop();
    OnAlarm(alarm);
  }
}

void Engine::OnAlarm(const Alarm& alarm) {
  if (alarm.kind == Alarm::Kind::kLease) return leases_.OnLeaseAlarm(alarm.subject);
  if (alarm.kind == Alarm::Kind::kHostPark) return;  // Admit, after every input, looks again
  if (alarm.kind == Alarm::Kind::kDayEnds) return scheduler_.DayHasRoom();
  Run* run = world_.FindRun(alarm.subject);
  if (run == nullptr) return;
  switch (alarm.kind) {
    case Alarm::Kind::kNodeDue: runs_.OnNodeDue(run, alarm.node); break;
    case Alarm::Kind::kReturnGrace: runs_.OnReturnGrace(run); break;
    case Alarm::Kind::kLeftover: runs_.OnLeftover(run); break;
    case Alarm::Kind::kPauseEnds: controls_.OnPauseEnds(run); break;
    default: break;
  }
}

std::vector<v1::RunSummary> Engine::TakeSummaries() {
  // In an order of its own: marks are made while hash tables are walked, which differs by process.
  std::sort(world_.dirty.begin(), world_.dirty.end(),
            [](const Run* a, const Run* b) { return a->id() < b->id(); });
  std::vector<v1::RunSummary> summaries;
  summaries.reserve(world_.dirty.size());
  for (Run* run : world_.dirty) {
    run->live.dirty = false;
    summaries.push_back(Summarize(*run, scheduler_));
  }
  world_.dirty.clear();
  return summaries;
}

}  // namespace odw::core
