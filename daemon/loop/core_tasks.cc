// What is asked of the loop beside the engine's inputs: deletion, a turned clock, and what it tells of
// itself.
#include <algorithm>

#include "daemon/base/log.h"
#include "daemon/loop/core_loop.h"

namespace odw::loop {
namespace {

// For cancelled attempts of a run that has just ended.
constexpr absl::Duration kDeletionPatience = absl::Seconds(15);

void ShowProviders(const core::World& world, v1::Info* info) {
  for (const core::Lanes::Limited& lane : world.lanes.AllLimited()) {
    v1::ProviderState* shown = info->add_providers();
    shown->set_runtime(lane.runtime);
    shown->set_provider(lane.provider);
    shown->set_concurrency(lane.limit);
    shown->set_why("it said \"later\" of late");
  }
  for (const core::Breakers::Open& circuit : world.breakers.AllOpen(world.now())) {
    v1::ProviderState* shown = info->add_providers();
    shown->set_runtime(circuit.runtime);
    shown->set_provider(circuit.provider);
    shown->set_key_id(circuit.key_id);
    shown->set_open(true);
    shown->set_retry_unix_ms(absl::ToUnixMillis(circuit.retry_at));
    shown->set_why(circuit.why);
  }
}

void FillDay(const core::World& world, uint32_t day, v1::DayUsage* out) {
  const core::DayCeilings& ceilings = world.day.ceilings();
  *out->mutable_usage() = world.day.UsageOn(day);
  out->set_tokens_max(ceilings.tokens_max);
  out->set_cost_micros_max(ceilings.cost_micros_max);
  if (ceilings.cost_micros_max > 0) out->set_cost_currency(ceilings.cost_currency);
}

}  // namespace

void CoreLoop::TakeTasks() {
  std::vector<std::function<void()>> tasks;
  tasks_.TakeAll(&tasks);
  for (const std::function<void()>& task : tasks) task();
}

// ---- Before an input reaches the engine

// What is resumed may have been deleted since it was read.
bool CoreLoop::RefuseSubmit(const core::Submit& submit) {
  const std::string& from = submit.header.resumed_from();
  if (from.empty() || journal_->ReadSummary(from).ok()) return false;
  outbox_->CompleteReply(
      {.request = submit.request, .status = absl::NotFoundError("run " + from + " is gone")});
  return true;
}

void CoreLoop::PrepareSubmit(core::Submit* submit) {
  if (submit->header.idempotency_key().empty() || submit->holder_of_key) return;
  // Read here, on the core's thread, so that no submission slips between look-up and decision.
  auto holder = journal_->FindByKey(submit->header.owner(), submit->header.idempotency_key());
  if (holder.ok()) submit->holder_of_key = *std::move(holder);
}

void CoreLoop::TellProgress(const core::ExecutorSaid& said) {
  const v1::Progress& progress = said.message.progress();
  const auto found = engine_.world().tokens.find(progress.token());
  if (found == engine_.world().tokens.end()) return;
  v1::NodeProgress told;
  told.set_ordinal(found->second.node);
  *told.mutable_usage_so_far() = progress.usage_so_far();
  told.set_note(progress.note());
  outbox_->OnProgress(found->second.run->id(), told);
}

// A recovered run is replayed by whatever odwd has now: that replay is the trial (DESIGN "Run header").
void CoreLoop::NoteVersions(const std::string& run_id) {
  const auto found = recovered_versions_.find(run_id);
  if (found == recovered_versions_.end()) return;
  const v1::Versions then = found->second, now = Versions();
  recovered_versions_.erase(found);
  if (then.SerializeAsString() == now.SerializeAsString()) return;
  LogInfo("run " + run_id + " was begun by odwd " + then.odw() + " (prelude " + then.prelude() + ", V8 " +
          then.v8() + ") and is replayed by " + now.odw() + " (prelude " + now.prelude() + ", V8 " +
          now.v8() + "); should the two differ in a call, the run needs attention");
}

// ---- Deletion

void CoreLoop::DeleteRun(v1::RunSummary run, std::function<void(absl::Status)> done) {
  tasks_.Post([this, run = std::move(run), done = std::move(done)] {
    if (StillEnds(run.run_id())) HandleInput(core::Tick{});  // lets go of what has just ended
    deletions_.push_back({.run = run,
                          .done = done,
                          .after_ticket = last_ticket_ + (group_.empty() ? 0 : 1),
                          .give_up = absl::Now() + kDeletionPatience});
  });
}

void CoreLoop::DeleteReady() {
  std::vector<Deletion> waiting;
  for (Deletion& deletion : deletions_) {
    const bool patient = !failed_ && absl::Now() < deletion.give_up;
    const bool ends = StillEnds(deletion.run.run_id()) || durable_ticket_ < deletion.after_ticket;
    if (patient && ends && !OpenResumption(deletion.run.run_id())) {
      waiting.push_back(std::move(deletion));
    } else {
      deletion.done(DeleteNow(deletion.run));
    }
  }
  deletions_ = std::move(waiting);
}

const core::Run* CoreLoop::OpenResumption(const std::string& run_id) const {
  for (const auto& [id, run] : engine_.world().runs) {
    if (!run->ended() && run->header.resumed_from() == run_id) return run.get();
  }
  return nullptr;
}

absl::Status CoreLoop::DeleteNow(const v1::RunSummary& summary) {
  const std::string& run_id = summary.run_id();
  if (failed_) return absl::UnavailableError("the journal has stopped; restart odwd");
  if (const core::Run* run = OpenResumption(run_id)) {
    return absl::FailedPreconditionError("run " + run->id() + " resumes " + run_id +
                                         " and has not ended: stop it first, or wait for it");
  }
  if (StillEnds(run_id)) {
    return absl::FailedPreconditionError("run " + run_id +
                                         " still ends: its last attempts have not answered yet. "
                                         "Try again in a minute");
  }
  ODW_RETURN_IF_ERROR(journal_->DeleteRun(run_id));
  if (!summary.idempotency_key().empty()) {
    engine_.ForgetKey(summary.owner(), summary.idempotency_key());
  }
  LogInfo("run " + run_id + " was deleted");
  return absl::OkStatus();
}

// ---- A turned clock

void CoreLoop::Advance(absl::Duration by, AdvanceDone done) {
  if (options_.manual_clock == nullptr) {
    return done(absl::FailedPreconditionError(
        "the daemon's clock is the machine's: start odwd with --clock=manual"));
  }
  tasks_.Post([this, by, done = std::move(done)] {
    turnings_.push_back({.by = by, .done = done});
  });
}

bool CoreLoop::IsQuiet() const {
  return from_hosts_.empty() && group_.empty() && NothingInFlight() && lookups_open_ == 0 &&
         hosts_->turns_open() == 0 && engine_.NextWake() > options_.clock->Now();
}

// One due time a step, so that what a timer causes is there before the next one fires.
void CoreLoop::TurnClock() {
  if (failed_) {
    for (Turning& turning : turnings_) {
      turning.done(absl::UnavailableError("the journal has stopped; restart odwd"));
    }
    return turnings_.clear();
  }
  ManualClock* clock = options_.manual_clock;
  while (!turnings_.empty() && IsQuiet()) {
    Turning& turning = turnings_.front();
    if (turning.until == absl::InfinitePast()) turning.until = clock->Now() + turning.by;
    clock->MoveTo(std::min(engine_.NextWake(), turning.until));
    // What is due at the very end is handled too, in the next step.
    if (engine_.NextWake() <= clock->Now()) return;
    turning.done(clock->Now());
    turnings_.pop_front();
  }
}

// ---- What is told of the loop

v1::Versions CoreLoop::Versions() const {
  const hosts::HostVersions hosts = hosts_->versions();
  v1::Versions versions;
  versions.set_odw(options_.daemon_version);
  versions.set_prelude(hosts.prelude);
  versions.set_v8(hosts.v8);
  versions.set_icu(hosts.icu);
  versions.set_corejs(hosts.corejs);
  return versions;
}

absl::Status CoreLoop::Healthy() const {
  MutexLock lock(&info_mutex_);
  if (info_.journal_error().empty()) return absl::OkStatus();
  return absl::UnavailableError("the journal has stopped: " + info_.journal_error());
}

void CoreLoop::PublishInfo() {
  info_at_ = absl::Now();
  info_stale_ = false;
  const core::World& world = engine_.world();
  open_runs_.store(static_cast<uint32_t>(std::count_if(
                       world.runs.begin(), world.runs.end(), [](auto& run) { return !run.second->ended(); })),
                   std::memory_order_relaxed);
  core_metrics_.Publish(engine_, hosts_->alive(), options_.settings.script_hosts_max);
  v1::Info info;
  info.set_open_runs(open_runs());
  info.set_script_hosts(static_cast<uint32_t>(hosts_->alive()));
  info.set_script_hosts_max(options_.settings.script_hosts_max);
  info.set_host_parks(world.stats.parks);
  const uint32_t day = core::DayOf(absl::ToUnixMillis(options_.clock->Now()));
  FillDay(world, day, info.mutable_today());
  ShowProviders(world, &info);
  core_metrics_.PublishLimits(info);
  for (const auto& [id, executor] : world.executors) {
    v1::Executor* shown = info.add_executors();
    shown->set_executor_id(id);
    shown->set_name(executor->info.name());
    shown->set_runtime(executor->info.runtime());
    shown->set_slots(executor->info.slots());
    shown->set_busy(static_cast<uint32_t>(executor->tokens.size()));
    shown->set_connected(executor->connected());
    shown->set_draining(executor->draining);
    shown->set_host(executor->info.host());
    shown->set_pid(executor->info.pid());
    shown->set_version(executor->info.version());
    *shown->mutable_commands() = executor->info.commands();
    shown->set_runtime_version(executor->info.runtime_version());
    shown->set_permission_max(executor->info.permission_max());
    for (const v1::Model& model : executor->info.models()) shown->add_models(model.name());
  }
  MutexLock lock(&info_mutex_);
  info.set_journal_error(info_.journal_error());
  info_ = std::move(info);
  info_day_ = day;
}

void CoreLoop::FillInfo(v1::Info* info) const {
  MutexLock lock(&info_mutex_);
  info->MergeFrom(info_);
  // Nothing may have happened since midnight.
  if (core::DayOf(absl::ToUnixMillis(options_.clock->Now())) != info_day_) {
    info->mutable_today()->clear_usage();
  }
}

}  // namespace odw::loop
