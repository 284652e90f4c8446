// All of odwd's numbers for Prometheus, fed by plain methods. Off until Enable: a daemon without an
// HTTP address pays one branch a call. The only folder, with daemon/http, that includes prometheus
// headers.
//
// Threads: every method may be called by any thread, after Enable has returned or was never called.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "odw/v1/journal.pb.h"

namespace odw::metrics {

class Metrics {
 public:
  Metrics();
  ~Metrics();

  // Makes the registry. REQUIRES: called before other threads use this object.
  void Enable();
  bool enabled() const { return impl_ != nullptr; }

  void RunSubmitted();
  // REQUIRES: a state that ends a run.
  void RunEnded(v1::RunState state);
  // Runs that have not ended, at start-up too.
  void SetOpenRuns(uint64_t running, uint64_t paused);

  // `outcome`: done, failed, skipped, cached, cancelled, refused.
  void NodeSettled(const std::string& runtime, const std::string& outcome);
  void AttemptFailed(const std::string& runtime, v1::ErrorCategory category);
  void Requeued(const std::string& runtime);
  // From the call (or the end of a backoff) to the assignment.
  void QueueWait(const std::string& runtime, absl::Duration wait);

  void Committed(absl::Duration latency, uint64_t events);
  void JournalFailed();

  void SetSlots(const std::string& runtime, uint64_t total, uint64_t busy);
  // Every provider that something limits at present; one that was told before and is not now is 0.
  struct ProviderLimit {
    std::string runtime, provider;
    uint64_t concurrency = 0;  // at most so many attempts at a time; 0: not limited
    bool open = false;         // its circuit breaker
  };
  void SetProviders(const std::vector<ProviderLimit>& limits);
  // Of all runs on the present day (UTC); money by currency.
  void SetDay(uint64_t tokens, const std::map<std::string, int64_t>& cost_micros);
  void SetHosts(uint64_t alive, uint64_t busy, uint64_t max);
  void HostParked();
  void Replayed(uint64_t settlements);

  // The text exposition format; empty when not enabled.
  std::string Render() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace odw::metrics
