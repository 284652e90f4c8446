// The core's thread. Carries inputs in (mailbox, script hosts, commits, time), runs the engine, and
// carries effects out: appends to the journal's writer, frames to hosts, and what is gated to gRPC once
// its group is durable.
//
// When a group is cut: the writer is idle, and either something that the world waits for rests on it
// (an assignment, a reply), or no script is in the middle of a turn, or kTurnHold has passed. So a
// result, the calls that it causes and their assignments share one synced write.
//
// Its sources: core_loop.cc (the loop, inputs, groups), core_effects.cc (what the engine asks for),
// core_tasks.cc (deletion, a turned clock, what is told of the loop).
//
// Threads: Run on one; TryPost, Post, Stop, DeleteRun, Advance, FillInfo on any.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "daemon/base/clock.h"
#include "daemon/base/mailbox.h"
#include "daemon/base/poller.h"
#include "daemon/core/core_inbox.h"
#include "daemon/core/engine.h"
#include "daemon/core/output_gate.h"
#include "daemon/hosts/host_pool.h"
#include "daemon/journal/journal_writer.h"
#include "daemon/loop/core_metrics.h"
#include "daemon/loop/manual_clock.h"
#include "daemon/metrics/metrics.h"
#include "daemon/model/workflow_registry.h"
#include "daemon/rpc/outbox.h"
#include "odw/v1/control.pb.h"

namespace odw::loop {

struct CoreLoopOptions {
  core::Settings settings;
  std::string script_binary;
  std::string daemon_version;
  uint32_t heartbeat_interval_ms = 5000;
  // All times that runs see. The loop's own hurry is measured on the machine's clock.
  const Clock* clock = &Clock::Real();
  ManualClock* manual_clock = nullptr;          // `clock`, where a test turns it
  model::WorkflowRegistry* registry = nullptr;  // null: no workflow has a name
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

  // Removes an ended run from the journal; `done` is called on the loop's thread. Waits a while for its
  // cancelled attempts to end. FailedPrecondition when they do not, or a run that resumes it is open.
  void DeleteRun(v1::RunSummary run, std::function<void(absl::Status)> done);

  using AdvanceDone = std::function<void(absl::StatusOr<absl::Time>)>;
  // Turns the manual clock forward, from one due time to the next, and tells the new time when all that
  // was due is handled, its scripts have had their turns and everything is durable. What executors do
  // meanwhile is not waited for. FailedPrecondition where the clock is the machine's.
  void Advance(absl::Duration by, AdvanceDone done);

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
  void RouteFindWorkflow(core::FindWorkflow find);
  void OnCommitted(journal::Committed committed);
  void Leave(core::Effect effect);
  void FailAssign(core::SessionId session, const std::string& token, const absl::Status& why);
  void AttachBytes(model::Value* value) const;
  void ReadFromOtherRun(model::Value* value) const;
  // Before the engine sees them.
  void PrepareSubmit(core::Submit* submit);
  bool RefuseSubmit(const core::Submit& submit);
  void TellProgress(const core::ExecutorSaid& said);
  void NoteVersions(const std::string& run_id);
  void MaybeCut();
  void Cut();
  absl::Duration TimeToWait() const;
  // Every group that was cut is durable. Not writer_->idle(): that turns true only after the commit has
  // woken this thread, which would then wait with nobody left to wake it.
  bool NothingInFlight() const { return durable_ticket_ == last_ticket_; }
  void PublishInfo();

  struct Deletion {
    v1::RunSummary run;
    std::function<void(absl::Status)> done;
    uint64_t after_ticket = 0;  // what was appended before the question is durable then
    absl::Time give_up = absl::InfinitePast();  // on the machine's clock
  };
  struct Turning {
    absl::Duration by;
    AdvanceDone done;
    absl::Time until = absl::InfinitePast();
  };
  void TakeTasks();
  void DeleteReady();
  absl::Status DeleteNow(const v1::RunSummary& run);
  // A run that resumes this one and has not ended; null: none.
  const core::Run* OpenResumption(const std::string& run_id) const;
  // Events may still be appended to it.
  bool StillEnds(const std::string& run_id) const { return engine_.world().runs.contains(run_id); }
  void TurnClock();
  // Nothing is under way but what executors do.
  bool IsQuiet() const;

  const CoreLoopOptions options_;
  journal::Journal* const journal_;
  metrics::Metrics* const metrics_;
  rpc::Outbox* outbox_ = nullptr;
  Poller poller_;
  Mailbox<core::Input> inbox_;
  Mailbox<journal::Committed> commits_;
  Mailbox<std::function<void()>> tasks_;
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
  std::vector<Deletion> deletions_;
  std::deque<Turning> turnings_;
  size_t lookups_open_ = 0;
  // Of runs that were recovered and have not had a turn yet: what they were begun with.
  absl::flat_hash_map<std::string, v1::Versions> recovered_versions_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint32_t> open_runs_{0};

  mutable Mutex info_mutex_;
  v1::Info info_ ODW_GUARDED_BY(info_mutex_);
  uint32_t info_day_ ODW_GUARDED_BY(info_mutex_) = 0;  // whose usage it tells
  absl::Time info_at_ = absl::InfinitePast();
  bool info_stale_ = false;         // something was handled since
};

}  // namespace odw::loop
