// The invariants, checked at each step of the core from outside: by folding every event that it
// appends into a shadow of its own, and by watching what it lets out. Knows no more than a careful
// reader of DESIGN.md; throws Violation. The list is in README.md.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "daemon/core/engine.h"
#include "tests/sim/context.h"
#include "tests/sim/day_check.h"
#include "tests/sim/plan.h"
#include "tests/sim/provider_check.h"
#include "tests/sim/sim_journal.h"

namespace odw::sim {

// Where a token points, for all time: tokens are made from (run, node, attempt).
struct TokenOwner {
  std::string run_id;
  uint64_t node = 0;
  uint32_t attempt = 0;
};

// What a first call of a model holds of its run's ceilings.
inline constexpr uint64_t kFirstEstimate = 4000;

class Checker {
 public:
  Checker(Context* context, const core::Settings& settings)
      : context_(context),
        settings_(settings),
        day_(context, settings.day),
        providers_(context) {}

  // The daemon starts, from what is durable.
  void OnBoot(const SimJournal& journal, const core::Engine& restored);
  // Around each Handle of the core: its input, its effects in order, the state after it.
  void BeforeInput(const core::Input& input, const core::Engine& engine);
  void OnEffect(const core::Effect& effect);
  void AfterInput(const core::Engine& engine);
  void OnSummaries(const std::vector<v1::RunSummary>& summaries);
  // A gated effect leaves the process.
  void OnRelease(const core::Effect& effect, const SimJournal& journal);

  // Where `token` points; null when no event ever named it.
  const TokenOwner* OwnerOf(const std::string& token) const;
  bool IsOpen(const std::string& run_id) const;
  bool IsPaused(const std::string& run_id) const;
  bool IsPausedForDay(const std::string& run_id) const;
  // REQUIRES of these three: the run is known.
  uint64_t NodesOf(const std::string& run_id) const;
  uint64_t OpenNodeOf(const std::string& run_id, uint64_t pick) const;  // an agent call; 0: none
  bool IsAgentCall(const std::string& run_id, uint64_t node) const;
  // Its script has returned, and what it left running is still waited for.
  bool IsReturning(const std::string& run_id) const;

 private:
  struct Shadow {
    core::Run run;
    std::vector<v1::Event> events;
    std::map<uint64_t, v1::Blob> prompts;
    std::set<std::string> answered;  // tokens whose usage is recorded
    std::map<std::string, v1::AttemptStarted> starts;  // by token
    std::set<std::string> fenced;    // tokens of attempts from before a restart of their call
    std::map<uint64_t, v1::NodeCalled> calls;
    core::HostEpoch host = 0;        // 0: none
    uint64_t fed = 0;
    uint64_t calls_seen = 0;         // of the present host
    uint64_t recorded_at_start = 0;  // nodes when the present host started
    uint64_t replay_until = 0;
    bool touched = false;
    Purse purse;
    uint32_t usage_day = 0;
  };
  // An executor as the daemon can know it.
  struct Peer {
    core::SessionId session = 0;  // 0: away
    uint64_t epoch = 0;
    bool draining = false;
    absl::Time away_since;
    v1::Register info;
  };

  // events (checker_events.cc)
  void OnAppend(const core::Append& append);
  void Fold(Shadow* shadow, const v1::Event& event);
  void CheckEvent(const Shadow& shadow, const v1::Event& event);
  void CheckStarted(const Shadow& shadow, const v1::AttemptStarted& started);
  void CheckNewAttempt(const Shadow& shadow, const core::Node& node,
                       const v1::AttemptStarted& started);
  void CheckAttemptEnded(const Shadow& shadow, const v1::AttemptEnded& ended);
  void CheckSettled(const Shadow& shadow, const v1::Settled& settled);
  void CheckCached(const Shadow& shadow, const v1::Settled& settled);
  void ExpectCancels(const Shadow& shadow, uint64_t node);
  void CheckCeilings(const Shadow& shadow, const v1::AttemptStarted& started) const;
  void CheckBudgetRefusal(const Shadow& shadow, const v1::Settled& settled) const;
  void CheckFallback(const Shadow& shadow, const core::Node& node,
                     const v1::AttemptStarted& started) const;
  void Charge(const v1::Event& event, const v1::Usage& usage, Shadow* shadow);
  void CheckGivenUp(const Shadow& shadow, const core::Attempt& attempt);
  bool LeaseIsOver(const std::string& executor_id) const;

  // effects (checker_effects.cc)
  void OnHostStart(const core::HostStart& start);
  void OnHostSettle(const core::HostSettle& settle);
  void OnAssign(const core::SendAssign& assign);
  void OnWelcome(const core::SendWelcome& welcome);
  void OnClose(const core::CloseSession& close);
  void CheckAck(const std::string& token, const SimJournal& journal);
  void CheckCancel(const core::SendCancel& cancel, const SimJournal& journal);

  void OnTurnInput(const core::HostTurn& turn, const core::Engine& engine);
  void CheckDivergence(const core::Engine& engine);
  void CheckWorld(const core::World& world);

  Shadow* Find(const std::string& run_id);
  const std::string& ExecutorOf(core::SessionId session) const;
  std::string Name(const Shadow& shadow, uint64_t node) const;

  Context* const context_;
  const core::Settings settings_;
  DayCheck day_;
  ProviderCheck providers_;
  std::map<std::string, Shadow> shadows_;
  std::map<std::string, TokenOwner> tokens_;
  std::map<std::string, Peer> peers_;
  std::map<core::SessionId, std::string> sessions_;  // all that ever were, to their executor
  std::set<std::string> told_lost_;                  // there will be no result of these

  bool frozen_ = false;  // the journal failed: the core does nothing any more
  // The input being handled.
  const core::Input* input_ = nullptr;
  std::string answered_token_, lost_token_, attaching_;
  std::set<std::string> held_;
  std::set<std::string> started_tokens_;  // AttemptStarted, new, in this step
  std::set<std::string> to_cancel_;       // tokens that this step must cancel
  const SimJournal* journal_ = nullptr;   // as of the last start
  std::string diverging_run_;             // its host does something else than is recorded
};

}  // namespace odw::sim
