#include "daemon/core/leases.h"

#include <algorithm>

#include "daemon/core/planted_bug.h"

namespace odw::core {

void Leases::OnAttached(ExecutorAttached attached) {
  const std::string& id = attached.info.executor_id();
  std::unique_ptr<Executor>& executor = world_->executors[id];
  if (!executor) executor = std::make_unique<Executor>();
  // Streams do not know of each other: an old one's list, read late, would undo what came after it.
  if (attached.info.session_epoch() <= executor->info.session_epoch() &&
      !PlantedBug(Bug::kOldSessionAccepted)) {
    world_->Do(CloseSession{
        .session = attached.session,
        .why = absl::AlreadyExistsError("executor " + id +
                                        " has attached with a later session; two processes "
                                        "share its state folder, or this stream is an old one")});
    return;
  }
  if (executor->connected()) {
    // A newer stream of the same executor: the old one is dead and has not noticed.
    world_->Do(
        CloseSession{.session = executor->session, .why = absl::AbortedError("attached again")});
    world_->sessions.erase(executor->session);
  }
  executor->session = attached.session;
  executor->info = std::move(attached.info);
  executor->draining = false;
  executor->lease_until = absl::InfiniteFuture();
  world_->sessions[executor->session] = executor.get();
  world_->Do(SendWelcome{.session = executor->session});
  Reconcile(executor.get(), executor->info.pid());
  executor->info.clear_held();
  scheduler_->ExecutorsChanged();
}

void Leases::TakeBack(Executor* executor, const v1::Held& task) {
  const auto known = world_->tokens.find(task.token());
  std::string why;
  if (known == world_->tokens.end()) {
    why = "the daemon does not know this task";
  } else {
    const TokenRef ref = known->second;
    nodes_->OnAttemptBack(ref, *executor);
    if (ref.run->live.tokens.insert(task.token()).second) ++ref.run->live.running;
    world_->day.Hold(task.token(), {.tokens = kFirstTokens});
    if (ref.run->ended()) {
      why = "the run has ended";
    } else {
      Node& node = ref.run->node(ref.node);
      const Attempt* attempt = FindAttempt(node, ref.attempt);
      if (attempt != nullptr && attempt->fenced) why = "the call was restarted";
      if (node.decided()) why = "the call is settled";
    }
  }
  // A finished one will be offered, acknowledged and dropped.
  if (why.empty() || task.finished()) return;
  world_->Do(SendCancel{.session = executor->session, .token = task.token(), .reason = why});
}

void Leases::Reconcile(Executor* executor, uint32_t pid) {
  absl::flat_hash_set<std::string> held;
  for (const v1::Held& task : executor->info.held()) {
    held.insert(task.token());
    TakeBack(executor, task);
  }
  std::vector<std::string> missing;
  for (const std::string& token : executor->tokens) {
    if (!held.contains(token) && !PlantedBug(Bug::kMissingTokenKept)) missing.push_back(token);
  }
  std::sort(missing.begin(), missing.end());
  if (PlantedBug(Bug::kUnknownTaskFillsNoSlot)) {
    absl::erase_if(held, [&](const std::string& token) { return !world_->tokens.contains(token); });
  }
  executor->tokens = std::move(held);
  for (const std::string& token : missing) {
    const auto known = world_->tokens.find(token);
    if (known == world_->tokens.end()) continue;
    const TokenRef ref = known->second;
    const Attempt* attempt = FindAttempt(ref.run->node(ref.node), ref.attempt);
    // The same process never got it; another process may have died at it, unless that leaves a trace.
    const bool re_executed = attempt != nullptr && attempt->executor_pid != pid &&
                             !executor->info.supervised();
    nodes_->OnAttemptLost(ref,
                          {.why = "its executor does not have it", .re_executed = re_executed});
  }
}

void Leases::StartGrace(Executor* executor) {
  executor->lease_until = world_->now() + world_->settings().lease_grace;
  if (PlantedBug(Bug::kGraceNotRestarted) && executor->info.session_epoch() == 0)
    executor->lease_until = world_->now();
  world_->WakeAt(executor->lease_until, Alarm::Kind::kLease, executor->info.executor_id());
}

void Leases::OnDetached(SessionId session) {
  const auto found = world_->sessions.find(session);
  if (found == world_->sessions.end()) return;
  Executor* executor = found->second;
  world_->sessions.erase(found);
  executor->session = 0;
  StartGrace(executor);
  scheduler_->ExecutorsChanged();
}

void Leases::OnLeaseAlarm(const std::string& executor_id) {
  if (PlantedBug(Bug::kLeaseNeverEnds)) return;
  Executor* executor = world_->FindExecutor(executor_id);
  if (executor == nullptr || executor->connected() || executor->lease_until > world_->now()) return;
  std::vector<std::string> tokens(executor->tokens.begin(), executor->tokens.end());
  std::sort(tokens.begin(), tokens.end());
  const std::string name = executor->info.name().empty() ? executor_id : executor->info.name();
  for (const std::string& token : tokens) {
    const auto known = world_->tokens.find(token);
    // A blocked attempt keeps its token, and so the executor its entry, until it returns or the run
    // ends.
    if (known != world_->tokens.end() &&
        nodes_->OnLeaseExpired(known->second, name) == NodeMachine::Lease::kKept) {
      continue;
    }
    executor->tokens.erase(token);
  }
  if (executor->tokens.empty()) {
    world_->executors.erase(executor_id);
    scheduler_->ExecutorsChanged();
  }
}

void Leases::OnSaid(ExecutorSaid said) {
  const auto found = world_->sessions.find(said.session);
  if (found == world_->sessions.end()) return;  // a stream that was replaced
  Executor* executor = found->second;
  switch (said.message.body_case()) {
    case v1::FromExecutor::kResult: {
      executor->tokens.erase(said.message.result().token());
      nodes_->OnResult(said.session, std::move(*said.message.mutable_result()));
      break;
    }
    case v1::FromExecutor::kLost: {
      const v1::Lost& lost = said.message.lost();
      executor->tokens.erase(lost.token());
      const auto known = world_->tokens.find(lost.token());
      if (known != world_->tokens.end()) {
        nodes_->OnAttemptLost(known->second,
                              {.why = "lost: " + lost.why(), .re_executed = !lost.not_started()});
      }
      world_->Do(SendAck{.session = said.session, .token = lost.token()});
      break;
    }
    case v1::FromExecutor::kProgress: {
      const auto known = world_->tokens.find(said.message.progress().token());
      if (known != world_->tokens.end()) {
        nodes_->OnSession(known->second, said.message.progress());
        nodes_->OnUsage(known->second, said.message.progress().usage_so_far());
      }
      break;
    }
    case v1::FromExecutor::kDraining:
      executor->draining = true;
      scheduler_->ExecutorsChanged();
      break;
    default: break;
  }
}

void Leases::Recover(Run* run) {
  for (NodeId id = 1; id <= run->nodes.size(); ++id) {
    for (const Attempt& attempt : run->node(id).attempts) {
      // An answered one is not waited for: its answer, offered again, is acknowledged and dropped.
      if (!attempt.live && !attempt.given_up && !PlantedBug(Bug::kAnsweredIsRestored)) continue;
      world_->tokens[attempt.token] = TokenRef{.run = run, .node = id, .attempt = attempt.number};
      if (!attempt.live) continue;
      run->live.tokens.insert(attempt.token);
      const Node& node = run->node(id);
      if (node.phase != NodePhase::kBlocked) {
        world_->day.Hold(attempt.token, {.tokens = kFirstTokens});
      }
      if (!PlantedBug(Bug::kCapForgottenAtRestart)) ++run->live.running;
      if (node.details) {
        world_->lanes.Start(Lanes::NameOf(node.details->request.runtime(),
                                          node.details->request.provider()),
                            attempt.token);
      }
      std::unique_ptr<Executor>& executor = world_->executors[attempt.executor_id];
      if (!executor) {
        executor = std::make_unique<Executor>();
        executor->info.set_executor_id(attempt.executor_id);
        StartGrace(executor.get());
      }
      executor->tokens.insert(attempt.token);
    }
  }
}

}  // namespace odw::core
