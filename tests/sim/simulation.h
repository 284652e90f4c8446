// One history from one seed: a world is drawn (programs, executors, faults), goes through chaos,
// then calms down; at rest everything that was promised must be there. Throws Violation where it is
// not.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/checker.h"
#include "tests/sim/context.h"
#include "tests/sim/faults.h"
#include "tests/sim/sim_client.h"
#include "tests/sim/sim_daemon.h"
#include "tests/sim/sim_executor.h"
#include "tests/sim/sim_hosts.h"
#include "tests/sim/sim_journal.h"
#include "tests/sim/sim_network.h"

namespace odw::sim {

class Simulation : private Outside {
 public:
  Simulation(uint64_t seed, Coverage* coverage, bool trace);
  void Run();

  uint64_t steps() const { return context_.step; }
  // Of all that left the core: the same for every run of a seed.
  uint64_t effects_hash() const { return context_.effects_hash; }

 private:
  void DrawPrograms();
  void DrawExecutors();
  void Chaos();
  // Until nothing can happen any more, with time passing as far as anybody waits for it.
  void Rest();
  bool Step();
  void List(Actions* actions);
  void JumpTo(absl::Time when);
  void SwapMachines();
  void ListLookups(Actions* actions);
  void AnswerLookup(size_t index);
  void CheckReused();
  absl::Time NextMoment() const;

  void CheckWaits();
  void CheckDays();
  void CheckResults();
  void CheckNothingLost();
  void CheckRestore();
  void CheckNoLeak();

  // Outside
  void StartHost(const core::HostStart& start, const std::string& source,
                 const std::string& args) override;
  void FindWorkflow(const core::FindWorkflow& find) override { lookups_.push_back(find); }
  void SettleHost(const core::HostSettle& settle, const std::string& value) override;
  void ReleaseHost(const core::HostRelease& release) override;
  void SendTo(core::SessionId session, v1::ToExecutor message) override;
  void CloseSession(core::SessionId session) override;
  void OnReply(const core::Reply& reply) override;
  void DaemonDied() override;

  static core::Settings DrawSettings(Rng* rng);

  Context context_;
  const core::Settings settings_;
  const Flavour flavour_;
  const Faults faults_;
  std::map<std::string, Program> programs_;  // by source
  TaskLedger ledger_;
  SimJournal journal_;
  Checker checker_;
  SimDaemon daemon_;
  SimNetwork network_;
  SimHosts hosts_;
  SimClient client_;
  std::vector<std::unique_ptr<SimExecutor>> executors_;
  std::vector<core::FindWorkflow> lookups_;  // asked for, not answered for the last time
  size_t reachable_machine_ = 0;  // of kTwoMachines' two
};

}  // namespace odw::sim
