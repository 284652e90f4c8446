// What people do to runs while these are under way: pause, unpause, skip, restart; and that each answer
// they get is true.
#include <algorithm>

#include "tests/sim/sim_client.h"

namespace odw::sim {
namespace {

constexpr uint32_t kNoCeiling = 1'000'000'000;

const char* const kVerbs[] = {"pauses", "unpauses", "skips", "restarts"};

}  // namespace

void SimClient::Say(Command command) {
  const core::RequestId request = ++last_request_;
  command.of_agent = checker_->IsAgentCall(command.run_id, command.node);
  const std::string& run_id = command.run_id;
  const std::string& owner = owners_.at(run_id);
  context_->Note(std::string("client ") + kVerbs[static_cast<int>(command.verb)] + " " + run_id + " n" +
                 std::to_string(command.node));
  switch (command.verb) {
    case Verb::kPause:
      post_(core::PauseRun{.request = request, .run_id = run_id, .owner = owner});
      break;
    case Verb::kUnpause:
      post_(core::UnpauseRun{.request = request,
                             .run_id = run_id,
                             .owner = owner,
                             .tokens_max = command.raises ? kNoCeiling : 0u,
                             .cost_micros_max = command.raises ? kNoCeiling : 0});
      break;
    case Verb::kSkip:
      skipped_[run_id] = true;
      post_(core::SkipNode{
          .request = request, .run_id = run_id, .owner = owner, .node = command.node});
      break;
    case Verb::kRestart:
      post_(core::RestartNode{
          .request = request, .run_id = run_id, .owner = owner, .node = command.node});
      break;
  }
  commands_[request] = std::move(command);
}

void SimClient::ListCommands(const Faults& faults, Actions* actions) {
  std::vector<std::string> open;
  for (const auto& [run_id, program] : runs_) {
    if (checker_->IsOpen(run_id)) open.push_back(run_id);
  }
  if (open.empty()) return;
  const std::string run_id = open[context_->rng.Below(open.size())];
  const bool paused = checker_->IsPaused(run_id);
  const bool spared = skipped_.empty() && context_->rng.OneIn(2);  // so that results can be compared
  const Verb pause = paused ? Verb::kUnpause : Verb::kPause;
  const bool for_day = paused && checker_->IsPausedForDay(run_id);  // so that it happens before midnight
  if (!paused || for_day || context_->rng.OneIn(3))  // pauses last a while
    actions->push_back({for_day ? 20 : faults.commands, [this, run_id, pause] {
                          Say({.verb = pause, .run_id = run_id, .raises = context_->rng.OneIn(2)});
                        }});
  if (context_->rng.OneIn(20)) {
    const Verb odd = paused ? Verb::kPause : Verb::kUnpause;
    actions->push_back({1, [this, run_id, odd] { Say({.verb = odd, .run_id = run_id}); }});
  }
  const uint64_t nodes = checker_->NodesOf(run_id);
  if (nodes == 0) return;
  // Mostly a call that has not settled; now and then any, or one that is not there.
  uint64_t node = checker_->OpenNodeOf(run_id, context_->rng.Next());
  if (node == 0 || context_->rng.OneIn(6)) node = context_->rng.Between(1, nodes + 1);
  const uint32_t weight = (faults.commands + 1) / 2;
  actions->push_back({weight, [this, run_id, node] { Say({.verb = Verb::kRestart, .run_id = run_id, .node = node}); }});
  if (spared) return;
  actions->push_back({weight, [this, run_id, node] { Say({.verb = Verb::kSkip, .run_id = run_id, .node = node}); }});
}

void SimClient::UnpauseAll() {
  for (const auto& [run_id, program] : runs_) {
    if (!checker_->IsPaused(run_id)) continue;
    Say({.verb = Verb::kUnpause, .run_id = run_id, .raises = true});
  }
}

// Said to be done: then it is in the journal.
void SimClient::CheckDone(const Command& command, const DurableRun& run) const {
  const bool done = std::any_of(run.events.begin(), run.events.end(), [&](const v1::Event& event) {
    switch (command.verb) {
      case Verb::kPause: return event.has_paused();
      case Verb::kUnpause: return event.has_unpaused();
      case Verb::kSkip:
        return event.settled().node() == command.node && event.settled().end() == v1::END_SKIPPED;
      case Verb::kRestart: return event.restarted().node() == command.node;
    }
    return false;
  });
  if (!done) Broken(command.run_id + ": a command was said to be done and is not");
  context_->coverage->Count(std::string("a client ") + kVerbs[static_cast<int>(command.verb)]);
}

// Too late: the run is over, the node has an outcome, or the run is in that state already.
bool SimClient::MayRefuse(const Command& command, const DurableRun& run) const {
  return std::any_of(run.events.begin(), run.events.end(), [&](const v1::Event& event) {
    if (event.has_returned() || event.has_ended()) return true;
    if (command.verb == Verb::kPause) return event.has_paused();
    if (command.verb == Verb::kUnpause) return true;  // one that was never paused
    if (event.settled().node() == command.node) return true;
    return event.attempt_ended().node() == command.node && !event.attempt_ended().discarded();
  });
}

void SimClient::OnCommandReply(const core::Reply& reply, const Command& command) const {
  const DurableRun* run = journal_->Find(command.run_id);
  if (reply.status.ok()) {
    if (run == nullptr) Broken("a command was obeyed by a run that is not in the journal");
    return CheckDone(command, *run);
  }
  context_->coverage->Count(std::string("refused: a client ") +
                            kVerbs[static_cast<int>(command.verb)]);
  if (reply.status.code() == absl::StatusCode::kNotFound) {
    if (command.node == 0 && checker_->IsOpen(command.run_id))
      Broken(command.run_id + " is open and was not found");
    if (command.of_agent && checker_->IsOpen(command.run_id))
      Broken(command.run_id + ": an agent call was not found");
    return;
  }
  if (run == nullptr || !MayRefuse(command, *run))
    Broken(command.run_id + " refused a command: " + MessageOf(reply.status));
}

}  // namespace odw::sim
