#include "daemon/core/controls.h"

#include <algorithm>

#include "daemon/base/ids.h"
#include "daemon/core/planted_bug.h"

namespace odw::core {
namespace {

const char* KindName(const Node& node) {
  return node.kind == v1::script::TIMER ? "a timer" : "a call of workflow()";
}

}  // namespace

Run* Controls::FindOpen(const std::string& run_id, const std::string& owner, absl::Status* why) {
  Run* run = world_->FindRun(run_id);
  if (run == nullptr || run->header.owner() != owner) {
    *why = absl::NotFoundError("no open run " + run_id);
  } else if (run->ended()) {
    *why = absl::FailedPreconditionError("run " + run_id +
                                         " has ended already; resume it as a new run to go on");
  } else if (run->returned) {
    *why = absl::FailedPreconditionError("run " + run_id +
                                         " has returned its result already: nothing changes it");
  } else {
    return run;
  }
  return nullptr;
}

Node* Controls::FindUndecided(Run* run, NodeId id, const char* verb, absl::Status* why) {
  if (id == 0 || id > run->nodes.size()) {
    *why = absl::NotFoundError("run " + run->id() + " has no node " + NodeName(id) + ": it has made " +
                               std::to_string(run->nodes.size()) + " calls so far");
    return nullptr;
  }
  Node& node = run->node(id);
  if (node.kind != v1::script::AGENT) {
    *why = absl::NotFoundError(NodeName(id) + " of run " + run->id() + " is " + KindName(node) +
                               ": only a call of agent() can be " + verb);
    return nullptr;
  }
  if (node.phase == NodePhase::kSettled) {
    *why = absl::FailedPreconditionError(NodeName(id) + " of run " + run->id() +
                                         " is settled: its script has the outcome, and it cannot be " +
                                         verb + ". Resume the run as a new one to call it again");
    return nullptr;
  }
  if (node.decided() && !PlantedBug(Bug::kSkipUndoesAnswer)) {
    *why = absl::FailedPreconditionError(
        NodeName(id) + " of run " + run->id() + " has ended and cannot be " + verb +
        ": its outcome is delivered when the run is unpaused");
    return nullptr;
  }
  return &node;
}

void Controls::OnPause(const PauseRun& pause) {
  Reply reply{.request = pause.request, .run_id = pause.run_id};
  Run* run = FindOpen(pause.run_id, pause.owner, &reply.status);
  if (run != nullptr && run->paused()) {
    reply.status = absl::FailedPreconditionError("run " + run->id() + " is paused already (" +
                                                 run->paused_why + "); unpause it to go on");
  } else if (run != nullptr) {
    runs_->Pause(run, pause.owner, pause.reason.empty() ? "asked" : pause.reason);
  }
  world_->Do(std::move(reply));
}

void Controls::OnUnpause(const UnpauseRun& unpause) {
  Reply reply{.request = unpause.request, .run_id = unpause.run_id};
  Run* run = FindOpen(unpause.run_id, unpause.owner, &reply.status);
  if (run != nullptr && !run->paused()) {
    reply.status = absl::FailedPreconditionError("run " + run->id() + " is not paused");
  } else if (run != nullptr) {
    if (unpause.tokens_max > 0 || unpause.cost_micros_max > 0) {
      v1::Event event;
      v1::BudgetChanged* changed = event.mutable_budget_changed();
      changed->set_tokens_max(unpause.tokens_max);
      changed->set_cost_micros_max(unpause.cost_micros_max);
      changed->set_by(unpause.owner);
      world_->Emit(run, std::move(event));
    }
    v1::Event event;
    event.mutable_unpaused()->set_by(unpause.owner);
    world_->Emit(run, std::move(event));
    GoOn(run);
  }
  world_->Do(std::move(reply));
}

void Controls::OnPauseEnds(Run* run) {
  const int64_t until = run->paused_until_ms;
  if (!run->paused() || until == 0) return;
  if (until > world_->now_ms() && !PlantedBug(Bug::kDayPauseEndsEarly)) return;
  v1::Event event;
  event.mutable_unpaused()->set_by("the next day");
  world_->Emit(run, std::move(event));
  GoOn(run);
}

void Controls::GoOn(Run* run) {
  std::vector<NodeId> held = run->held;  // each leaves it when it settles
  if (PlantedBug(Bug::kHeldForgotten)) held.clear();
  if (PlantedBug(Bug::kHeldOutOfOrder)) std::sort(held.begin(), held.end());
  hosts_->Unhold(run);
  for (const NodeId id : held) nodes_->SettleAnswered(run, id);
  for (NodeId id = 1; id <= run->nodes.size(); ++id) {
    const Node& node = run->node(id);
    if (node.phase != NodePhase::kTimer || PlantedBug(Bug::kTimersForgotten)) continue;
    // Those that were due meanwhile have lost their alarm.
    world_->WakeAt(absl::FromUnixMillis(node.due_ms), Alarm::Kind::kNodeDue, run->id(), id);
  }
  scheduler_->RunMayStart(run);
}

void Controls::OnSkip(const SkipNode& skip) {
  Reply reply{.request = skip.request, .run_id = skip.run_id};
  Run* run = FindOpen(skip.run_id, skip.owner, &reply.status);
  if (run != nullptr && FindUndecided(run, skip.node, "skipped", &reply.status) != nullptr) {
    v1::Settled settled;
    settled.set_outcome(v1::Settled::RESOLVE_NULL);
    settled.set_end(v1::END_SKIPPED);
    settled.set_by(skip.owner);
    runs_->Settle(run, skip.node, std::move(settled));
    if (!PlantedBug(Bug::kSkipLeavesAttempts)) {
      runs_->CancelAttempts(run, skip.node, 0, "the call was skipped");
    }
  }
  world_->Do(std::move(reply));
}

void Controls::OnRestart(const RestartNode& restart) {
  Reply reply{.request = restart.request, .run_id = restart.run_id};
  Run* run = FindOpen(restart.run_id, restart.owner, &reply.status);
  Node* node =
      run == nullptr ? nullptr : FindUndecided(run, restart.node, "restarted", &reply.status);
  if (node != nullptr) {
    const bool in_queue = node->phase == NodePhase::kQueued;
    v1::Event event;
    event.mutable_restarted()->set_node(restart.node);
    event.mutable_restarted()->set_by(restart.owner);
    world_->Emit(run, std::move(event));
    runs_->CancelAttempts(run, restart.node, 0, "the call was restarted");
    if (!in_queue && !PlantedBug(Bug::kRestartedNotQueued)) {
      scheduler_->Enqueue(run, restart.node);
    }
  }
  world_->Do(std::move(reply));
}

}  // namespace odw::core
