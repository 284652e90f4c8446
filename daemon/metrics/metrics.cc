#include "daemon/metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <set>
#include <utility>

#include "daemon/base/mutex.h"
#include "daemon/model/error_table.h"

namespace odw::metrics {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

// Seconds. Waits reach from a millisecond to the hours of a provider's limit.
const Histogram::BucketBoundaries kWaitBuckets = {0.001, 0.005, 0.02, 0.1,  0.5, 2,
                                                  10,    60,    300,  1800, 7200};
// Seconds. A synced write on a good disk takes well below a millisecond.
const Histogram::BucketBoundaries kCommitBuckets = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                    0.01,   0.025,   0.05,   0.1,   0.5,    2};
const Histogram::BucketBoundaries kBatchBuckets = {1,  2,   4,   8,   16,   32,
                                                   64, 128, 256, 512, 1024, 4096};

// Runtimes come from outside: past this many names the rest are counted as "other".
constexpr size_t kRuntimesMax = 64;
constexpr size_t kProvidersMax = 256;  // past it, new ones are not shown; likewise:
constexpr size_t kCurrenciesMax = 32;

Family<Counter>& MakeCounter(Registry* registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(*registry);
}
Family<Gauge>& MakeGauge(Registry* registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(*registry);
}
Family<Histogram>& MakeHistogram(Registry* registry, const char* name, const char* help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(*registry);
}

const char* StateName(v1::RunState state) {
  switch (state) {
    case v1::COMPLETED:
      return "completed";
    case v1::FAILED:
      return "failed";
    case v1::KILLED:
      return "killed";
    case v1::NEEDS_ATTENTION:
      return "needs_attention";
    default:
      return "other";
  }
}

}  // namespace

struct Metrics::Impl {
  std::shared_ptr<Registry> registry = std::make_shared<Registry>();
  Family<Counter>& runs_submitted =
      MakeCounter(registry.get(), "odw_runs_submitted_total", "Runs accepted.");
  Family<Counter>& runs_ended =
      MakeCounter(registry.get(), "odw_runs_ended_total", "Runs that ended, by state.");
  Family<Gauge>& runs_open =
      MakeGauge(registry.get(), "odw_runs_open", "Runs that have not ended, by state.");
  Family<Counter>& nodes_settled = MakeCounter(registry.get(), "odw_nodes_settled_total",
                                               "Nodes settled, by runtime and outcome.");
  Family<Counter>& attempts_failed = MakeCounter(registry.get(), "odw_attempts_failed_total",
                                                 "Failed attempts, by runtime and error class.");
  Family<Counter>& requeued =
      MakeCounter(registry.get(), "odw_nodes_requeued_total", "Nodes queued again, by runtime.");
  Family<Histogram>& queue_wait = MakeHistogram(registry.get(), "odw_queue_wait_seconds",
                                                "From ready to assigned, by runtime.");
  Family<Histogram>& commit_latency =
      MakeHistogram(registry.get(), "odw_commit_seconds", "Duration of one synced journal write.");
  Family<Histogram>& commit_batch =
      MakeHistogram(registry.get(), "odw_commit_events", "Events in one synced journal write.");
  Family<Gauge>& journal_failed = MakeGauge(registry.get(), "odw_journal_failed",
                                            "1 once a journal write failed: restart odwd.");
  Family<Gauge>& slots =
      MakeGauge(registry.get(), "odw_slots", "Executor slots attached, by runtime.");
  Family<Gauge>& slots_busy =
      MakeGauge(registry.get(), "odw_slots_busy", "Executor slots in use, by runtime.");
  Family<Gauge>& provider_limit =
      MakeGauge(registry.get(), "odw_provider_limit",
                "Attempts that a provider is given at a time for now; 0: not limited.");
  Family<Gauge>& breaker_open = MakeGauge(registry.get(), "odw_breaker_open",
                                          "1 while nothing is sent to a provider, or one try.");
  Family<Gauge>& day_cost = MakeGauge(registry.get(), "odw_day_cost_micros",
                                      "Millionths of a currency spent since 00:00 UTC.");
  Family<Gauge>& day_tokens_family =
      MakeGauge(registry.get(), "odw_day_tokens", "Tokens used since 00:00 UTC.");
  Family<Gauge>& hosts =
      MakeGauge(registry.get(), "odw_script_hosts", "Script host processes, by state.");
  Family<Counter>& parks =
      MakeCounter(registry.get(), "odw_host_parks_total", "Runs parked to free a host.");
  Family<Counter>& replayed = MakeCounter(registry.get(), "odw_replayed_settlements_total",
                                          "Settlements fed again to a new host.");

  // The handles that every step touches, looked up once.
  Counter& submitted = runs_submitted.Add({});
  Histogram& latency = commit_latency.Add({}, kCommitBuckets);
  Histogram& batch = commit_batch.Add({}, kBatchBuckets);
  Gauge& failed = journal_failed.Add({});
  Gauge& running = runs_open.Add({{"state", "running"}});
  Gauge& paused = runs_open.Add({{"state", "paused"}});
  Gauge& day_tokens = day_tokens_family.Add({});
  Gauge& hosts_alive = hosts.Add({{"state", "alive"}});
  Gauge& hosts_busy = hosts.Add({{"state", "busy"}});
  Gauge& hosts_max = hosts.Add({{"state", "limit"}});
  Counter& host_parks = parks.Add({});
  Counter& settlements_replayed = replayed.Add({});

  Mutex mutex;
  std::set<std::pair<std::string, std::string>> providers ODW_GUARDED_BY(mutex);
  std::set<std::string> currencies ODW_GUARDED_BY(mutex);
  std::set<std::string> runtimes ODW_GUARDED_BY(mutex);

  std::string RuntimeLabel(const std::string& runtime) {
    MutexLock lock(&mutex);
    if (runtimes.count(runtime) > 0) return runtime;
    if (runtimes.size() >= kRuntimesMax) return "other";
    runtimes.insert(runtime);
    return runtime;
  }
};

Metrics::Metrics() = default;
Metrics::~Metrics() = default;

void Metrics::Enable() {
  if (impl_ == nullptr) impl_ = std::make_unique<Impl>();
}

void Metrics::RunSubmitted() {
  if (impl_) impl_->submitted.Increment();
}

void Metrics::RunEnded(v1::RunState state) {
  if (impl_) impl_->runs_ended.Add({{"state", StateName(state)}}).Increment();
}

void Metrics::SetOpenRuns(uint64_t running, uint64_t paused) {
  if (!impl_) return;
  impl_->running.Set(static_cast<double>(running));
  impl_->paused.Set(static_cast<double>(paused));
}

void Metrics::NodeSettled(const std::string& runtime, const std::string& outcome) {
  if (!impl_) return;
  impl_->nodes_settled.Add({{"runtime", impl_->RuntimeLabel(runtime)}, {"outcome", outcome}})
      .Increment();
}

void Metrics::AttemptFailed(const std::string& runtime, v1::ErrorCategory category) {
  if (!impl_) return;
  impl_->attempts_failed
      .Add({{"runtime", impl_->RuntimeLabel(runtime)}, {"error", model::InfoOf(category).name}})
      .Increment();
}

void Metrics::Requeued(const std::string& runtime) {
  if (impl_) impl_->requeued.Add({{"runtime", impl_->RuntimeLabel(runtime)}}).Increment();
}

void Metrics::QueueWait(const std::string& runtime, absl::Duration wait) {
  if (!impl_) return;
  impl_->queue_wait.Add({{"runtime", impl_->RuntimeLabel(runtime)}}, kWaitBuckets)
      .Observe(absl::ToDoubleSeconds(wait));
}

void Metrics::Committed(absl::Duration latency, uint64_t events) {
  if (!impl_) return;
  impl_->latency.Observe(absl::ToDoubleSeconds(latency));
  impl_->batch.Observe(static_cast<double>(events));
}

void Metrics::JournalFailed() {
  if (impl_) impl_->failed.Set(1);
}

void Metrics::SetSlots(const std::string& runtime, uint64_t total, uint64_t busy) {
  if (!impl_) return;
  const std::string label = impl_->RuntimeLabel(runtime);
  impl_->slots.Add({{"runtime", label}}).Set(static_cast<double>(total));
  impl_->slots_busy.Add({{"runtime", label}}).Set(static_cast<double>(busy));
}

void Metrics::SetProviders(const std::vector<ProviderLimit>& limits) {
  if (!impl_) return;
  std::map<std::pair<std::string, std::string>, ProviderLimit> shown;
  MutexLock lock(&impl_->mutex);
  for (const auto& key : impl_->providers) shown[key];
  for (const ProviderLimit& limit : limits) {  // one of several keys may be the open one
    const std::pair key(limit.runtime, limit.provider);
    if (!impl_->providers.contains(key) && impl_->providers.size() >= kProvidersMax) continue;
    impl_->providers.insert(key);
    ProviderLimit& all = shown[key];
    all.open = all.open || limit.open;
    all.concurrency = std::max(all.concurrency, limit.concurrency);
  }
  for (const auto& [key, limit] : shown) {
    const prometheus::Labels labels = {{"runtime", key.first}, {"provider", key.second}};
    impl_->provider_limit.Add(labels).Set(static_cast<double>(limit.concurrency));
    impl_->breaker_open.Add(labels).Set(limit.open ? 1 : 0);
  }
}

void Metrics::SetDay(uint64_t tokens, const std::map<std::string, int64_t>& cost_micros) {
  if (!impl_) return;
  impl_->day_tokens.Set(static_cast<double>(tokens));
  MutexLock lock(&impl_->mutex);
  for (const auto& [currency, micros] : cost_micros) {
    if (impl_->currencies.size() < kCurrenciesMax) impl_->currencies.insert(currency);
  }
  for (const std::string& currency : impl_->currencies) {  // yesterday's are 0 today
    const auto found = cost_micros.find(currency);
    impl_->day_cost.Add({{"currency", currency}})
        .Set(found == cost_micros.end() ? 0 : static_cast<double>(found->second));
  }
}

void Metrics::SetHosts(uint64_t alive, uint64_t busy, uint64_t max) {
  if (!impl_) return;
  impl_->hosts_alive.Set(static_cast<double>(alive));
  impl_->hosts_busy.Set(static_cast<double>(busy));
  impl_->hosts_max.Set(static_cast<double>(max));
}

void Metrics::HostParked() {
  if (impl_) impl_->host_parks.Increment();
}

void Metrics::Replayed(uint64_t settlements) {
  if (impl_) impl_->settlements_replayed.Increment(static_cast<double>(settlements));
}

std::string Metrics::Render() const {
  if (!impl_) return "";
  return prometheus::TextSerializer().Serialize(impl_->registry->Collect());
}

}  // namespace odw::metrics
