#include "daemon/core/host_admission.h"

#include <algorithm>

#include "daemon/base/canonical_json.h"
#include "daemon/core/planted_bug.h"

namespace odw::core {
namespace {

using LinkState = HostLink::State;

// Its script waits for assigned calls only, and has handled all it was sent.
bool Parkable(const Run& run) {
  const HostLink& host = run.host;
  if (!host.started || host.finished < host.fed || run.returned) return false;
  return run.paused() || (host.fed == run.settlements.size() && run.live.unsettled > 0);
}

// The `odw` global's facts (SPEC O14), from the header alone, so that a replay sees the same. The
// original's run folder and state file do not exist here.
std::string OdwJson(const Run& run) {
  const v1::RunSettings& settings = run.header.settings();
  const std::string& from = run.header.resumed_from();
  return std::string("{\"backend\":") +
         (settings.forced_runtime() == "mock" ? "\"mock\"" : "\"pandacode\"") +
         ",\"runId\":" + JsonQuote(run.id()) +
         ",\"resumeFrom\":" + (from.empty() ? "null" : JsonQuote(from)) +
         (settings.cwd().empty() ? "" : ",\"cwd\":" + JsonQuote(settings.cwd())) + "}";
}

}  // namespace

void HostAdmission::Want(Run* run) {
  if (run->ended() || run->returned) return;
  if (run->paused() && !PlantedBug(Bug::kDeliversWhilePaused)) return;  // until it goes on
  switch (run->host.state) {
    case LinkState::kActive: Feed(run); break;
    case LinkState::kNone:
      run->host.state = LinkState::kWaiting;
      (run->nodes.empty() ? fresh_ : resumed_).push_back(run);
      break;
    case LinkState::kWaiting: break;
  }
}

void HostAdmission::RemoveActive(Run* run) {
  --active_;
  std::erase(active_runs_, run);
}

void HostAdmission::Gone(Run* run) {
  if (run->host.state != LinkState::kActive) return;
  RemoveActive(run);
  run->host.state = LinkState::kNone;
}

void HostAdmission::Hold(Run* run) {
  if (run->host.state != LinkState::kWaiting) return;
  std::erase(fresh_, run);
  std::erase(resumed_, run);
  run->host.state = LinkState::kNone;
}

void HostAdmission::Unhold(Run* run) {
  const HostLink& host = run->host;
  const bool complete = host.started && host.finished == run->settlements.size();
  if (host.state == LinkState::kActive || !complete) Want(run);
}

void HostAdmission::Release(Run* run) {
  if (run->host.state == LinkState::kActive) {
    world_->Do(HostRelease{.run_id = run->id(), .epoch = run->host.epoch});
    RemoveActive(run);
  } else {
    Hold(run);
  }
  run->host.state = LinkState::kNone;
}

void HostAdmission::Quiet(Run* run) { run->host.quiet_since = world_->now(); }

void HostAdmission::Start(Run* run) {
  HostLink& host = run->host;
  const uint64_t progress_mark = host.progress_mark;
  const uint32_t deaths = host.deaths;
  host = HostLink{.state = LinkState::kActive, .epoch = ++last_epoch_};
  host.deaths = deaths;
  host.progress_mark = progress_mark;
  host.replay_until = run->settlements.size();
  host.quiet_since = absl::InfiniteFuture();
  ++active_;
  active_runs_.push_back(run);
  ++world_->stats.host_starts;

  const v1::RunSettings& settings = run->header.settings();
  const bool replay = !run->nodes.empty() || !run->settlements.empty();
  if (replay) ++world_->stats.replays;
  world_->stats.replayed_settlements += run->settlements.size();
  HostStart effect{.run_id = run->id(), .epoch = host.epoch, .owner = run->header.owner()};
  effect.source = model::ValueFromRef(run->header.source());
  if (run->header.has_args_json()) effect.args = model::ValueFromRef(run->header.args_json());
  v1::script::Start& start = effect.start;
  start.set_run_id(run->id());
  start.set_script_name(run->header.script_name());
  start.set_dialect(run->header.dialect());
  start.set_turn_cpu_ms(settings.turn_cpu_ms());
  start.set_list_length_max(settings.list_length_max());
  start.set_log_lines_max(settings.log_lines_max());
  start.set_log_bytes_max(settings.log_bytes_max());
  if (settings.has_budget_total()) start.set_budget_total(settings.budget_total());
  start.set_replay(replay);
  start.set_prompt_bytes_max(settings.prompt_bytes_max());
  start.set_result_bytes_max(settings.result_bytes_max());
  start.set_call_refusals_max(settings.call_refusals_max());
  start.set_fresh_isolate(replay ? 1 : 0);
  start.set_heap_bytes_max(settings.heap_bytes_max());
  start.set_odw_json(OdwJson(*run));
  world_->Do(std::move(effect));
  Feed(run);
  if (PlantedBug(Bug::kSettlementTwice) && host.fed > 0) {
    --host.fed;
    Feed(run);
  }
}

void HostAdmission::Feed(Run* run) {
  HostLink& host = run->host;
  if (host.fed < run->settlements.size()) host.quiet_since = absl::InfiniteFuture();
  for (; host.fed < run->settlements.size(); ++host.fed) {
    const Settlement& settlement = run->settlements[host.fed];
    HostSettle effect{.run_id = run->id(), .epoch = host.epoch};
    effect.settle.set_seq(host.fed + 1);
    effect.settle.set_call(settlement.node);
    effect.settle.set_budget_spent(settlement.budget_spent);
    effect.settle.set_replay(host.fed + 1 <= host.replay_until);
    switch (settlement.outcome) {
      case v1::Settled::RESOLVE_JSON:
        effect.fill = HostSettle::Fill::kJson;
        effect.value = settlement.value;
        break;
      case v1::Settled::RESOLVE_TEXT:
        effect.fill = HostSettle::Fill::kText;
        effect.value = settlement.value;
        break;
      case v1::Settled::RESOLVE_UNDEFINED: effect.settle.set_undefined(true); break;
      case v1::Settled::REJECT: {
        v1::script::Rejection* rejection = effect.settle.mutable_rejection();
        rejection->set_name(settlement.rejection->name);
        rejection->set_message(settlement.rejection->message);
        rejection->set_code(settlement.rejection->code);
        break;
      }
      default: effect.settle.set_value_json("null"); break;
    }
    world_->Do(std::move(effect));
  }
}

// The quiet run with the least history is the cheapest to replay.
bool HostAdmission::ParkOne() {
  Run* best = nullptr;
  absl::Time next_chance = absl::InfiniteFuture();
  for (Run* run : active_runs_) {
    if (!Parkable(*run)) continue;
    const absl::Time ripe =
        run->host.quiet_since +
        (run->paused() ? absl::ZeroDuration() : world_->settings().park_idle);
    if (ripe > world_->now()) {
      next_chance = std::min(next_chance, ripe);
    } else if (best == nullptr || run->settlements.size() < best->settlements.size()) {
      best = run;
    }
  }
  if (best == nullptr) {
    if (next_chance != absl::InfiniteFuture()) {
      world_->WakeAt(next_chance, Alarm::Kind::kHostPark, "");
    }
    return false;
  }
  ++world_->stats.parks;
  Release(best);
  return true;
}

void HostAdmission::Admit() {
  while (waiting() > 0) {
    if (active_ >= world_->settings().script_hosts_max && !ParkOne()) return;
    std::deque<Run*>& queue = resumed_.empty() ? fresh_ : resumed_;
    Run* run = queue.front();
    queue.pop_front();
    Start(run);
  }
}

}  // namespace odw::core
