// Feeds the core's counters and events to Prometheus. One thread, the core's.
#pragma once

#include "daemon/core/engine.h"
#include "daemon/metrics/metrics.h"
#include "odw/v1/control.pb.h"
#include "odw/v1/journal.pb.h"

namespace odw::loop {

class CoreMetrics {
 public:
  explicit CoreMetrics(metrics::Metrics* metrics) : metrics_(metrics) {}

  // Every event that is appended. Costs nothing when metrics are off.
  void OnEvent(const core::Engine& engine, const core::Append& append);
  // Gauges; call now and then.
  // What limits the daemon, as GetInfo tells it.
  void PublishLimits(const v1::Info& info);
  void Publish(const core::Engine& engine, size_t hosts_alive, size_t hosts_max);

 private:
  metrics::Metrics* const metrics_;
  core::Stats last_;
};

}  // namespace odw::loop
