// The daemon around the core, as daemon/loop is: a mailbox, the engine, the output gate, group
// commit. Each step of it is one action, so that it can be killed between any two.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/core/engine.h"
#include "daemon/core/output_gate.h"
#include "tests/sim/action.h"
#include "tests/sim/checker.h"
#include "tests/sim/context.h"
#include "tests/sim/faults.h"
#include "tests/sim/sim_journal.h"

namespace odw::sim {

// Where effects go.
class Outside {
 public:
  virtual ~Outside() = default;
  virtual void StartHost(const core::HostStart& start, const std::string& source,
                         const std::string& args) = 0;
  virtual void SettleHost(const core::HostSettle& settle, const std::string& value) = 0;
  virtual void FindWorkflow(const core::FindWorkflow& find) = 0;
  virtual void ReleaseHost(const core::HostRelease& release) = 0;
  virtual void SendTo(core::SessionId session, v1::ToExecutor message) = 0;
  virtual void CloseSession(core::SessionId session) = 0;
  virtual void OnReply(const core::Reply& reply) = 0;
  virtual void DaemonDied() = 0;
};

class SimDaemon {
 public:
  SimDaemon(Context* context, core::Settings settings, SimJournal* journal, Checker* checker,
            Outside* outside)
      : context_(context),
        settings_(settings),
        journal_(journal),
        checker_(checker),
        outside_(outside) {}

  bool up() const { return engine_ != nullptr; }
  const core::Engine& engine() const { return *engine_; }
  // REQUIRES: up().
  void Post(core::Input input) { mailbox_.push_back(std::move(input)); }

  void List(const Faults& faults, Actions* actions);
  // When something is due that only time can bring; InfiniteFuture when down.
  absl::Time NextWake() const { return up() ? engine_->NextWake() : absl::InfiniteFuture(); }
  bool quiet() const {
    return mailbox_.empty() && batch_.empty() && gate_.empty() && !journal_->queued();
  }
  void Tick() { Handle(core::Tick{}); }

 private:
  void Boot();
  void Crash();
  void NameCrash();
  void HandleOne();
  void Handle(core::Input input);
  void Perform(std::vector<core::Effect> effects);
  void Do(core::Effect effect);
  void Cut();
  bool GateCanOpen() const;
  void OpenGate();
  void Release(core::Effect effect);
  void FailJournal();
  void ListFaults(const Faults& faults, Actions* actions);
  // A value that may not even be queued yet.
  std::string Read(const std::string& run_id, const v1::Blob& blob) const;

  Context* const context_;
  const core::Settings settings_;
  SimJournal* const journal_;
  Checker* const checker_;
  Outside* const outside_;

  std::unique_ptr<core::Engine> engine_;
  core::OutputGate gate_;
  std::deque<core::Input> mailbox_;
  std::vector<core::Append> batch_;
  bool gate_has_uncut_ = false;
  uint64_t cut_ticket_ = 0;  // what the last Cut named
  uint64_t opened_ticket_ = 0;
  bool failed_ = false;        // the journal refused a group: nothing more becomes durable
  bool crash_wanted_ = false;  // at the next named place
};

}  // namespace odw::sim
