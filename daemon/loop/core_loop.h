// The core's thread. Carries inputs in (mailbox, script hosts, commits, time), runs the engine, and
// carries effects out: appends to the journal's writer, frames to hosts, and what is gated to gRPC once
// its group is durable.
//
// When a group is cut: the writer is idle, and either something that the world waits for rests on it
// (an assignment, a reply), or no script is in the middle of a turn, or kTurnHold has passed. So a
// result, the calls that it causes and their assignments share one synced write.
//
// Threads: Run on one; TryPost, Post, Stop, FillInfo on any.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "daemon/base/mailbox.h"
#include "daemon/base/poller.h"
#include "daemon/core/core_inbox.h"
#include "daemon/core/engine.h"
#include "daemon/core/output_gate.h"
#include "daemon/hosts/host_pool.h"
#include "daemon/journal/journal_writer.h"
#include "daemon/loop/core_metrics.h"
#include "daemon/metrics/metrics.h"
#include "daemon/rpc/outbox.h"
#include "odw/v1/control.pb.h"

namespace odw::loop {

struct CoreLoopOptions {
  core::Settings settings;
  std::string script_binary;
  std::string daemon_version;
  uint32_t heartbeat_interval_ms = 5000;
};

class CoreLoop : public core::CoreInbox, private hosts::HostEvents {
 public:
  CoreLoop(CoreLoopOptions options, journal::Journal* journal, metrics::Metrics* metrics);
  ~CoreLoop() override;

  // Folds the open runs and starts the script hosts. Before Run; `outbox` outlives the loop.
  absl::Status Start(rpc::Outbox* outbox);
  // Until Stop: then commits what is appended, and returns.
  void Run();
  void Stop();

  bool TryPost(core::Input input) override { return inbox_.TryPost(std::move(input)); }
  void Post(core::Input input) override { inbox_.Post(std::move(input)); }

  // Executors, hosts and open runs as of a moment ago.
  void FillInfo(v1::Info* info) const;
  v1::Versions Versions() const;
  // The journal's sticky error, or OK.
  absl::Status Healthy() const;
  uint32_t open_runs() const { return open_runs_.load(std::memory_order_relaxed); }

 private:
  void OnTurn(const std::string& run_id, uint64_t epoch, v1::script::Turn turn) override;
  void OnHostGone(const std::string& run_id, uint64_t epoch,
                  std::optional<v1::script::Fatal> fatal) override;

  void Step();
  void HandleInput(core::Input input);
  void Route(core::Effect effect);
  void RouteAppend(core::Append append);
  void RouteHostStart(core::HostStart start);
  void RouteHostSettle(core::HostSettle settle);
  void OnCommitted(journal::Committed committed);
  void Leave(core::Effect effect);
  void FailAssign(core::SessionId session, const std::string& token, const absl::Status& why);
  void AttachBytes(model::Value* value) const;
  void MaybeCut();
  void Cut();
  absl::Duration TimeToWait() const;
  // Every group that was cut is durable. Not writer_->idle(): that turns true only after the commit has
  // woken this thread, which would then wait with nobody left to wake it.
  bool NothingInFlight() const { return durable_ticket_ == last_ticket_; }
  void PublishInfo();

  const CoreLoopOptions options_;
  journal::Journal* const journal_;
  metrics::Metrics* const metrics_;
  rpc::Outbox* outbox_ = nullptr;
  Poller poller_;
  Mailbox<core::Input> inbox_;
  Mailbox<journal::Committed> commits_;
  std::unique_ptr<journal::JournalWriter> writer_;
  std::unique_ptr<hosts::HostPool> hosts_;
  core::Engine engine_;
  core::OutputGate gate_;
  CoreMetrics core_metrics_;

  journal::Group group_;            // appended, not cut
  bool urgent_ = false;             // somebody waits for what rests on group_
  absl::Time group_since_ = absl::InfiniteFuture();
  uint64_t last_ticket_ = 0, durable_ticket_ = 0;
  bool failed_ = false;             // the journal's error is sticky
  std::vector<core::Input> inputs_, from_hosts_;
  std::vector<journal::Committed> committed_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint32_t> open_runs_{0};

  mutable Mutex info_mutex_;
  v1::Info info_ ODW_GUARDED_BY(info_mutex_);
  absl::Time info_at_ = absl::InfinitePast();
  bool info_stale_ = false;         // something was handled since
};

}  // namespace odw::loop
