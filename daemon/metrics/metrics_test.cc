#include "daemon/metrics/metrics.h"

#include <gtest/gtest.h>

namespace odw::metrics {
namespace {

bool Has(const std::string& text, const std::string& line) {
  return text.find(line) != std::string::npos;
}

TEST(Metrics, CostsNothingAndShowsNothingUntilEnabled) {
  Metrics metrics;
  metrics.RunSubmitted();
  metrics.NodeSettled("mock", "done");
  EXPECT_FALSE(metrics.enabled());
  EXPECT_EQ(metrics.Render(), "");
}

TEST(Metrics, ShowsRunsNodesAndTheJournal) {
  Metrics metrics;
  metrics.Enable();
  metrics.RunSubmitted();
  metrics.RunEnded(v1::COMPLETED);
  metrics.SetOpenRuns(3, 1);
  metrics.NodeSettled("mock", "done");
  metrics.NodeSettled("mock", "done");
  metrics.AttemptFailed("codex", v1::RATE_LIMIT);
  metrics.QueueWait("mock", absl::Milliseconds(3));
  metrics.Committed(absl::Microseconds(300), 7);
  metrics.SetSlots("mock", 16, 4);
  metrics.SetHosts(5, 2, 64);
  metrics.HostParked();
  const std::string text = metrics.Render();
  EXPECT_TRUE(Has(text, "odw_runs_submitted_total 1"));
  EXPECT_TRUE(Has(text, "odw_runs_ended_total{state=\"completed\"} 1"));
  EXPECT_TRUE(Has(text, "odw_runs_open{state=\"running\"} 3"));
  EXPECT_TRUE(Has(text, "odw_nodes_settled_total{outcome=\"done\",runtime=\"mock\"} 2"));
  EXPECT_TRUE(Has(text, "odw_attempts_failed_total{error=\"rate_limit\",runtime=\"codex\"} 1"));
  EXPECT_TRUE(Has(text, "odw_queue_wait_seconds_bucket{runtime=\"mock\",le=\"0.005\"} 1"));
  EXPECT_TRUE(Has(text, "odw_commit_events_sum 7"));
  EXPECT_TRUE(Has(text, "odw_slots_busy{runtime=\"mock\"} 4"));
  EXPECT_TRUE(Has(text, "odw_script_hosts{state=\"limit\"} 64"));
  EXPECT_TRUE(Has(text, "odw_host_parks_total 1"));
}

TEST(Metrics, AProviderThatNothingLimitsAnyMoreIsZero) {
  Metrics metrics;
  metrics.Enable();
  metrics.SetProviders({{.runtime = "bamboo", .provider = "kimi", .concurrency = 2},
                        {.runtime = "bamboo", .provider = "kimi", .open = true}});
  std::string text = metrics.Render();
  EXPECT_TRUE(Has(text, "odw_provider_limit{provider=\"kimi\",runtime=\"bamboo\"} 2")) << text;
  EXPECT_TRUE(Has(text, "odw_breaker_open{provider=\"kimi\",runtime=\"bamboo\"} 1")) << text;
  metrics.SetProviders({});
  text = metrics.Render();
  EXPECT_TRUE(Has(text, "odw_provider_limit{provider=\"kimi\",runtime=\"bamboo\"} 0")) << text;
  EXPECT_TRUE(Has(text, "odw_breaker_open{provider=\"kimi\",runtime=\"bamboo\"} 0")) << text;
}

TEST(Metrics, TheDayBeginsAnew) {
  Metrics metrics;
  metrics.Enable();
  metrics.SetDay(1200, {{"USD", 340000}, {"CNY", 7}});
  EXPECT_TRUE(Has(metrics.Render(), "odw_day_tokens 1200"));
  EXPECT_TRUE(Has(metrics.Render(), "odw_day_cost_micros{currency=\"USD\"} 340000"));
  metrics.SetDay(0, {});
  EXPECT_TRUE(Has(metrics.Render(), "odw_day_tokens 0"));
  EXPECT_TRUE(Has(metrics.Render(), "odw_day_cost_micros{currency=\"CNY\"} 0"));
}

TEST(Metrics, RuntimesPastTheLimitShareOneLabel) {
  Metrics metrics;
  metrics.Enable();
  for (int i = 0; i < 100; ++i) metrics.NodeSettled("r" + std::to_string(i), "done");
  EXPECT_TRUE(Has(metrics.Render(), "{outcome=\"done\",runtime=\"other\"} 36"));
}

}  // namespace
}  // namespace odw::metrics
