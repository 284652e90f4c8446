// One odw-executor, its machine and its tasks: attaches with a complete list and a rising session
// epoch, spools results before it offers them, drops them on the ack, answers cancels, drains. Its
// process may die (tasks under a supervisor live on, others are lost), its supervisors may die, its
// machine may be lost for ever. The rules are those of executors/README.md.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/action.h"
#include "tests/sim/context.h"
#include "tests/sim/faults.h"
#include "tests/sim/plan.h"
#include "tests/sim/sim_network.h"

namespace odw::sim {

struct ExecutorConfig {
  std::string id;
  std::string runtime;
  uint32_t slots = 1;
  bool supervised = false;  // tasks outlive the executor's process
  uint32_t patience = 1;    // a task ends in one of so many steps in which it could
  std::vector<std::string> commands, read_only_commands;
  std::string key_id;          // with which it calls its provider
  std::string price_currency;  // of its model `x`; empty: it names no models
};

// What all executors together know of tasks, across their deaths: for checks.
struct TaskLedger {
  std::set<std::string> started;  // tokens that ever ran
  uint64_t lost = 0;              // tasks that were running and died without a result
  uint64_t left_for_ever = 0;     // machines gone
};

class SimExecutor {
 public:
  SimExecutor(Context* context, SimNetwork* network, TaskLedger* ledger, ExecutorConfig config)
      : context_(context), network_(network), ledger_(ledger), config_(std::move(config)) {}

  void List(const Faults& faults, bool daemon_up, Actions* actions);

  const std::string& id() const { return config_.id; }
  bool gone() const { return gone_; }
  bool idle() const {
    return tasks_.empty() && fresh_.empty() && outbox_.empty() && lost_.empty();
  }
  // When a task that ignores its cancel ends at last; InfiniteFuture when there is none.
  absl::Time StubbornUntil() const;
  // The network between it and the daemon.
  void CutOff(absl::Duration time);
  void Reconnect() { away_until_ = context_->now; }
  // Ends the process for good, at the end of a history.
  void Leave();

 private:
  struct Task {
    v1::Assign assign;
    bool started = false;
    bool cancelled = false;
    std::string cancel_reason;
    absl::Time not_before = absl::InfinitePast();
  };
  struct Offer {
    v1::Result result;
    bool offered = false;    // on the present stream
    bool cancelled = false;  // offered once, without waiting for the ack
  };

  void StartProcess();
  void Die();
  void NameDeath() const;
  void LoseMachine();
  void Connect();
  void Read();
  void OnAssign(const v1::Assign& assign);
  void OnCancel(const v1::Cancel& cancel);
  void OnAck(const std::string& token);
  void Begin(Task* task);
  void TellSession(const v1::Assign& assign);
  void Refuse(const std::string& token, const std::string& why);
  void TellLost();
  void Finish(const std::string& token);
  void Spool();
  void SendOffer(const std::string& token);
  void TaskDies(const std::string& token);
  void Drain();
  void Send(v1::FromExecutor message);

  void ListTasks(const Faults& faults, Actions* actions);
  void ListFaults(const Faults& faults, Actions* actions);

  Context* const context_;
  SimNetwork* const network_;
  TaskLedger* const ledger_;
  const ExecutorConfig config_;

  // On its disk or under supervisors.
  uint32_t incarnation_ = 0;
  std::map<std::string, Task> tasks_;
  std::vector<std::pair<std::string, Offer>> outbox_;  // the spool, in finish order
  bool gone_ = false;

  // Of its process.
  absl::Time away_until_ = absl::InfinitePast();  // cut off from the daemon
  bool alive_ = false, welcomed_ = false, draining_ = false, spool_full_ = false;
  uint32_t attaches_ = 0;
  uint64_t epoch_ = 0;
  Stream* stream_ = nullptr;
  struct Untold {
    v1::Lost lost;
    bool told = false;  // on this stream
  };
  std::map<std::string, Untold> lost_;  // until the ack; under supervisors each leaves a trace on the disk
  std::vector<v1::Result> fresh_;  // finished, not spooled yet; a supervisor keeps it until then
};

}  // namespace odw::sim
