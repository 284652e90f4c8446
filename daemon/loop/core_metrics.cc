#include "daemon/loop/core_metrics.h"

#include <map>
#include <vector>

#include "daemon/core/state.h"

namespace odw::loop {
namespace {

const char* OutcomeName(v1::NodeEnd end) {
  switch (end) {
    case v1::END_DONE: return "done";
    case v1::END_FAILED: return "failed";
    case v1::END_SKIPPED: return "skipped";
    case v1::END_CACHED: return "cached";
    case v1::END_CANCELLED: return "cancelled";
    case v1::END_REFUSED: return "refused";
    default: return "";
  }
}

}  // namespace

void CoreMetrics::OnEvent(const core::Engine& engine, const core::Append& append) {
  if (!metrics_->enabled()) return;
  v1::Event event;
  if (!event.ParseFromString(append.bytes)) return;
  const auto run = engine.world().runs.find(append.run_id);
  const auto runtime_of = [&](uint64_t node) -> std::string {
    if (run == engine.world().runs.end() || node == 0 || node > run->second->nodes.size()) return "";
    const core::Node& found = run->second->node(node);
    return found.details ? found.details->request.runtime() : found.runtime;
  };
  switch (event.body_case()) {
    case v1::Event::kSubmitted: metrics_->RunSubmitted(); break;
    case v1::Event::kEnded: metrics_->RunEnded(event.ended().state()); break;
    case v1::Event::kSettled:
      if (event.settled().end() != v1::END_TIMER) {
        metrics_->NodeSettled(runtime_of(event.settled().node()), OutcomeName(event.settled().end()));
      }
      break;
    case v1::Event::kAttemptStarted: {
      if (run == engine.world().runs.end()) break;
      const core::Node& node = run->second->node(event.attempt_started().node());
      metrics_->QueueWait(runtime_of(event.attempt_started().node()),
                          absl::Milliseconds(event.unix_ms() - node.queued_ms));
      break;
    }
    case v1::Event::kAttemptEnded:
      if (!event.attempt_ended().ok()) {
        metrics_->AttemptFailed(runtime_of(event.attempt_ended().node()),
                                event.attempt_ended().error().category());
      }
      break;
    case v1::Event::kRequeued: metrics_->Requeued(runtime_of(event.requeued().node())); break;
    default: break;
  }
}

void CoreMetrics::PublishLimits(const v1::Info& info) {
  if (!metrics_->enabled()) return;
  std::vector<metrics::Metrics::ProviderLimit> limits;
  for (const v1::ProviderState& state : info.providers()) {
    limits.push_back({.runtime = state.runtime(),
                      .provider = state.provider(),
                      .concurrency = state.concurrency(),
                      .open = state.open()});
  }
  metrics_->SetProviders(limits);
  const v1::Usage& usage = info.today().usage();
  std::map<std::string, int64_t> costs;
  if (!usage.currency().empty()) costs[usage.currency()] = usage.cost_micros();
  for (const v1::Money& other : usage.other_costs()) costs[other.currency()] = other.micros();
  metrics_->SetDay(usage.input_tokens() + usage.output_tokens() + usage.cached_input_tokens(), costs);
}

void CoreMetrics::Publish(const core::Engine& engine, size_t hosts_alive, size_t hosts_max) {
  if (!metrics_->enabled()) return;
  const core::World& world = engine.world();
  uint64_t running = 0, paused = 0;
  for (const auto& [id, run] : world.runs) {
    running += run->state == v1::RUNNING;
    paused += run->state == v1::PAUSED;
  }
  metrics_->SetOpenRuns(running, paused);
  std::map<std::string, std::pair<uint64_t, uint64_t>> slots;
  for (const auto& [id, executor] : world.executors) {
    auto& [total, busy] = slots[executor->info.runtime()];
    if (executor->connected()) total += executor->info.slots();
    busy += executor->tokens.size();
  }
  for (const auto& [runtime, counts] : slots) metrics_->SetSlots(runtime, counts.first, counts.second);
  metrics_->SetHosts(hosts_alive, engine.hosts_active(), hosts_max);
  for (; last_.parks < world.stats.parks; ++last_.parks) metrics_->HostParked();
  metrics_->Replayed(world.stats.replayed_settlements - last_.replayed_settlements);
  last_.replayed_settlements = world.stats.replayed_settlements;
}

}  // namespace odw::loop
