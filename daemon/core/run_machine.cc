#include "daemon/core/run_machine.h"

#include <algorithm>

#include "daemon/core/fallback.h"
#include "daemon/core/label.h"
#include "daemon/core/planted_bug.h"

namespace odw::core {
namespace {

constexpr size_t kKeysOfEndedMax = 10000;
constexpr size_t kLabelsBytesMax = 500;
constexpr size_t kReasonBytesMax = 500;

}  // namespace

v1::Error MakeError(v1::ErrorCategory category, const std::string& message) {
  v1::Error error;
  error.set_category(category);
  error.set_message(message);
  return error;
}

// ---- Submit and stop

bool RunMachine::ReplyToKnownKey(const Submit& submit) {
  const v1::RunSubmitted& header = submit.header;
  if (header.idempotency_key().empty()) return false;
  std::string run_id, body;
  const auto known = keys_.find(header.owner() + '\0' + header.idempotency_key());
  if (known != keys_.end() && !PlantedBug(Bug::kKeyOfOpenRunForgotten)) {
    std::tie(run_id, body) = known->second;
  } else if (submit.holder_of_key) {
    run_id = submit.holder_of_key->run_id();
    body = submit.holder_of_key->body_sha256();
  } else {
    return false;
  }
  Reply reply{.request = submit.request, .run_id = run_id, .existing = true};
  if (body != header.body_sha256()) {
    reply.status = absl::AlreadyExistsError(
        "idempotency key '" + header.idempotency_key() + "' was used by run " + run_id +
        " with another script or args; the new submission (" + header.run_id() +
        ") was not accepted. Use a new key, or fetch " + run_id);
  }
  world_->Do(std::move(reply));
  return true;
}

void RunMachine::OnSubmit(Submit submit) {
  if (ReplyToKnownKey(submit)) return;
  // Ended ones that wait for their last attempts do not count.
  const size_t open_runs = world_->runs.size() - ended_.size();
  if (open_runs >= world_->settings().open_runs_max) {
    world_->Do(Reply{.request = submit.request,
                     .status = absl::ResourceExhaustedError(
                         "limit open_runs_max: " + std::to_string(open_runs) +
                         " runs are open; wait for some to end, stop some, or raise the limit")});
    return;
  }
  auto owned = std::make_unique<Run>();
  Run* run = owned.get();
  const std::string run_id = submit.header.run_id();
  run->header.set_run_id(run_id);
  run->live.reusable = std::move(submit.reusable);
  world_->runs[run_id] = std::move(owned);
  ++world_->stats.submits;

  v1::Event event;
  model::Value source = model::MakeValue(std::move(submit.source));
  std::vector<model::Value> values = {source};
  *submit.header.mutable_source() = source.ref;
  if (submit.args_json) {
    values.push_back(model::MakeValue(std::move(*submit.args_json)));
    *submit.header.mutable_args_json() = values.back().ref;
  }
  if (!submit.header.idempotency_key().empty()) {
    keys_[submit.header.owner() + '\0' + submit.header.idempotency_key()] = {
        run_id, submit.header.body_sha256()};
  }
  *event.mutable_submitted() = std::move(submit.header);
  world_->Emit(run, std::move(event), std::move(values));
  world_->Do(Reply{.request = submit.request, .run_id = run_id});
  hosts_->Want(run);
}

void RunMachine::OnStop(const StopRun& stop) {
  Run* run = world_->FindRun(stop.run_id);
  Reply reply{.request = stop.request, .run_id = stop.run_id};
  if (run == nullptr || run->header.owner() != stop.owner) {
    reply.status = absl::NotFoundError("no open run " + stop.run_id);
  } else if (run->ended()) {
    reply.status = absl::FailedPreconditionError("run " + stop.run_id + " has ended already");
  } else if (run->returned && !PlantedBug(Bug::kStopUndoesReturn)) {
    // The return was journaled first: its result stands. What it left running need not be waited
    // for.
    FinishReturned(run);
    reply.status =
        absl::FailedPreconditionError("run " + stop.run_id + " has returned its result already");
  } else {
    v1::Event event;
    event.mutable_stop_requested()->set_reason(stop.reason);
    event.mutable_stop_requested()->set_by(stop.owner);
    world_->Emit(run, std::move(event));
    End(run, v1::KILLED, MakeError(v1::CANCELLED, "Workflow aborted"));
  }
  world_->Do(std::move(reply));
}

// ---- Settlements and second attempts

void RunMachine::Settle(Run* run, NodeId id, v1::Settled settled,
                        std::optional<model::Value> value) {
  const Node& node = run->node(id);
  settled.set_seq(run->settlements.size() + 1);
  settled.set_node(id);
  settled.set_kind(static_cast<uint32_t>(node.kind));
  settled.set_budget_spent(run->budget_spent + node.spent + run->late_spent);
  std::vector<model::Value> values;
  if (value) {
    *settled.mutable_value() = value->ref;
    values.push_back(std::move(*value));
  }
  v1::Event event;
  *event.mutable_settled() = std::move(settled);
  world_->Emit(run, std::move(event), std::move(values));
  ++world_->stats.settled;
  --run->live.unsettled;
  if (!run->returned) hosts_->Want(run);  // nothing is delivered after the return
}

void RunMachine::Refuse(Run* run, NodeId id, const std::string& code, const std::string& message) {
  v1::Settled settled;
  settled.set_outcome(v1::Settled::REJECT);
  settled.set_error_name("Error");
  settled.set_error_message(message);
  settled.set_error_code(code);
  settled.set_end(v1::END_REFUSED);
  Settle(run, id, std::move(settled));
  if (run->refusals > run->header.settings().call_refusals_max() && !run->returned) {
    Fail(run, v1::LIMIT,
         "the script went on calling after " + std::to_string(run->refusals) +
             " refusals (call_refusals_max)");
  }
}

void RunMachine::Pause(Run* run, const std::string& by, const std::string& why,
                       int64_t until_unix_ms) {
  v1::Event event;
  event.mutable_paused()->set_until_unix_ms(until_unix_ms);
  event.mutable_paused()->set_by(by);
  event.mutable_paused()->set_why(why.substr(0, kReasonBytesMax));
  world_->Emit(run, std::move(event));
  hosts_->Hold(run);
  WatchPause(*run);
}

void RunMachine::WatchPause(const Run& run) {
  if (!run.paused() || run.paused_until_ms == 0) return;
  const absl::Time until = absl::FromUnixMillis(run.paused_until_ms);
  world_->WakeAt(PlantedBug(Bug::kDayPauseEndsEarly) ? world_->now() : until,
                 Alarm::Kind::kPauseEnds, run.id());
}

void RunMachine::OnUnaffordable(const Unaffordable& call) {
  if (call.run->ended() || call.run->returned || call.run->paused()) return;
  if (call.pauses) return Pause(call.run, "ceiling", call.why, call.until_unix_ms);
  if (call.run->node(call.node).phase == NodePhase::kQueued) {
    Refuse(call.run, call.node, "budget", call.why);
  }
}

void RunMachine::FindWorkflowOf(Run* run, NodeId id) {
  const Lookup& lookup = *run->node(id).lookup;
  world_->Do(FindWorkflow{.run_id = run->id(),
                          .node = id,
                          .cwd = run->header.settings().cwd(),
                          .name = lookup.name,
                          .script_path = lookup.script_path,
                          .dialect = run->header.dialect()});
}

void RunMachine::Requeue(Run* run, NodeId id, absl::Time not_before, const std::string& why,
                         bool counts) {
  v1::Event event;
  v1::NodeRequeued* requeued = event.mutable_requeued();
  requeued->set_node(id);
  requeued->set_why(why);
  requeued->set_counts(counts);
  if (PlantedBug(Bug::kBackoffForgotten)) not_before = absl::InfinitePast();
  if (not_before > world_->now()) requeued->set_not_before_unix_ms(absl::ToUnixMillis(not_before));
  world_->Emit(run, std::move(event));
  ++world_->stats.requeues;
  if (run->returned && !PlantedBug(Bug::kTriedAfterReturn)) return;  // nobody waits for it: it is not tried again
  if (run->node(id).phase == NodePhase::kBackoff) {
    world_->WakeAt(not_before, Alarm::Kind::kNodeDue, run->id(), id);
  } else {
    scheduler_->Enqueue(run, id);
    world_->MarkDirty(run);  // it may wait for an executor from now on, and says so
  }
}

bool RunMachine::LaterFallbackIsServed(v1::AgentRequest request) const {
  while (request.fallback_size() > 0) {
    TakeFallback(&request);
    if (scheduler_->Served(request)) return true;
  }
  return false;
}

void RunMachine::FallBack(Run* run, NodeId id, const std::string& why) {
  const v1::AgentRequest& request = run->node(id).details->request;
  do {
    v1::Event event;
    event.mutable_requeued()->set_node(id);
    event.mutable_requeued()->set_why(why);
    event.mutable_requeued()->set_not_before_unix_ms(kNextFallback);
    world_->Emit(run, std::move(event));
    // One that nobody serves is passed over while a later one is served.
  } while (!scheduler_->Served(request) && LaterFallbackIsServed(request));
  ++world_->stats.requeues;
  if (PlantedBug(Bug::kFallbackNotQueued)) return;
  scheduler_->Enqueue(run, id);
}

void RunMachine::OnNodeDue(Run* run, NodeId id) {
  Node& node = run->node(id);
  if (run->ended() || run->returned || node.due_ms > world_->now_ms()) return;
  if (node.phase == NodePhase::kTimer) {
    // Its alarm is set again when the run goes on.
    if (run->paused() && !PlantedBug(Bug::kTimerFiresWhilePaused)) return;
    v1::Settled settled;
    settled.set_outcome(v1::Settled::RESOLVE_UNDEFINED);
    settled.set_end(v1::END_TIMER);
    Settle(run, id, std::move(settled));
  } else if (node.phase == NodePhase::kBackoff) {
    // Not an event: the due time was one, and the fold must not read a clock.
    node.phase = NodePhase::kQueued;
    --run->counts.backoff;
    world_->MarkDirty(run);
    scheduler_->Enqueue(run, id);
  }
}

// ---- The end

void RunMachine::Fail(Run* run, v1::ErrorCategory category, const std::string& message) {
  v1::RunReturned returned;
  *returned.mutable_error() = MakeError(category, message);
  Return(run, std::move(returned), {});
}

void RunMachine::Return(Run* run, v1::RunReturned returned, model::Value value) {
  v1::Event event;
  *event.mutable_returned() = std::move(returned);
  world_->Emit(run, std::move(event), {std::move(value)});
  hosts_->Release(run);
  scheduler_->Forget(run);
  if (run->live.tokens.empty()) {
    FinishReturned(run);
  } else {
    // SPEC L8: what still runs has a short grace.
    world_->WakeAt(world_->now() + absl::Milliseconds(run->header.settings().return_grace_ms()),
                   Alarm::Kind::kReturnGrace, run->id());
  }
}

void RunMachine::FinishReturned(Run* run) {
  if (run->ended()) return;
  NameLeftovers(run);
  const v1::Error error = run->returned->error();
  End(run, run->returned->ok() ? v1::COMPLETED : v1::FAILED, error);
}

// SPEC L8: agent calls that nobody waited for, whether they had begun or not.
void RunMachine::NameLeftovers(Run* run) {
  std::string labels;
  for (NodeId id = 1; id <= run->nodes.size() && labels.size() < kLabelsBytesMax; ++id) {
    const Node& node = run->node(id);
    if (node.kind != v1::script::AGENT || node.phase == NodePhase::kSettled) continue;
    labels += (labels.empty() ? "" : ", ") + LabelOf(node, id);
    if (node.attempts_started == 0) labels += " (not started)";
  }
  if (labels.empty()) return;
  v1::Event event;
  event.mutable_line()->set_kind(v1::script::Line::WARNING);
  event.mutable_line()->set_text("the workflow returned while agents were running; cancelled: " +
                                 labels);
  world_->Emit(run, std::move(event));
}

void RunMachine::OnReturnGrace(Run* run) {
  if (!run->ended() && run->returned) FinishReturned(run);
}

void RunMachine::Cancel(const Attempt& attempt, const std::string& reason) {
  const Executor* executor = world_->FindExecutor(attempt.executor_id);
  if (executor == nullptr) return;
  if (executor->connected()) {
    world_->Do(SendCancel{.session = executor->session, .token = attempt.token, .reason = reason});
  } else {
    // One that is away is told when it comes back. Once its lease is over nothing more is expected.
    world_->WakeAt(std::max(world_->now(), executor->lease_until), Alarm::Kind::kLease,
                   attempt.executor_id);
  }
}

void RunMachine::CancelAttempts(Run* run, NodeId id, uint32_t winner, const std::string& reason) {
  for (const Attempt& attempt : run->node(id).attempts) {
    if (PlantedBug(Bug::kLoserForgotten) && attempt.given_up) world_->tokens.erase(attempt.token);
    if (attempt.number == winner || !run->live.tokens.contains(attempt.token)) continue;
    Cancel(attempt, reason);
  }
}

void RunMachine::CancelAll(Run* run) {
  // Sorted: the same inputs give the same effects.
  std::vector<std::string> tokens(run->live.tokens.begin(), run->live.tokens.end());
  if (!PlantedBug(Bug::kFollowsHashOrder)) std::sort(tokens.begin(), tokens.end());
  for (const std::string& token : tokens) {
    const TokenRef ref = world_->tokens.at(token);
    Cancel(*FindAttempt(run->node(ref.node), ref.attempt), "the run has ended");
  }
}

void RunMachine::End(Run* run, v1::RunState state, const v1::Error& error) {
  v1::Event event;
  v1::RunEndedRecord* ended = event.mutable_ended();
  ended->set_state(state);
  ended->set_health(run->health);
  if (state != v1::COMPLETED) *ended->mutable_error() = error;
  world_->Emit(run, std::move(event));
  hosts_->Release(run);
  scheduler_->Forget(run);
  CancelAll(run);
  ForgetGivenUpAttempts(run);
  world_->Do(RunEnded{.run_id = run->id()});
  ended_.push_back(run->id());
  if (!run->live.tokens.empty()) {
    world_->WakeAt(world_->now() + world_->settings().leftover_grace, Alarm::Kind::kLeftover,
                   run->id());
  }
}

void RunMachine::OnLeftover(Run* run) {
  if (!run->ended()) return;
  const std::vector<std::string> tokens(run->live.tokens.begin(), run->live.tokens.end());
  // Their executors keep them in their lists: a task that ignores its cancel still fills a slot
  // there.
  for (const std::string& token : tokens) {
    world_->tokens.erase(token);
    ReleaseAttempt(run, token);
  }
}

// Attempts that were given up: their late answers are not waited for any more.
void RunMachine::ForgetGivenUpAttempts(Run* run) {
  for (const Node& node : run->nodes) {
    for (const Attempt& attempt : node.attempts) {
      const bool known = attempt.live || attempt.given_up;
      if (known && !run->live.tokens.contains(attempt.token)) world_->tokens.erase(attempt.token);
    }
  }
}

void RunMachine::ReleaseAttempt(Run* run, const std::string& token) {
  if (run->live.tokens.erase(token) == 0) return;
  --run->live.running;
  world_->lanes.Release(token);
  LetGoOfDay(token);
  world_->breakers.Release(token);
  if (run->ended()) return;
  if (!run->returned) {
    scheduler_->RunMayStart(run);
  } else if (run->live.tokens.empty()) {
    FinishReturned(run);
  }
}

void RunMachine::LetGoOfDay(const std::string& token) {
  world_->day.Release(token);
  world_->meter.Release(token);
  scheduler_->DayHasRoom();
}

void RunMachine::EvictEnded() {
  std::erase_if(ended_, [&](const std::string& run_id) {
    Run* run = world_->FindRun(run_id);
    if (run == nullptr) return true;
    if (run->live.dirty) return false;
    if (!run->live.tokens.empty() && !PlantedBug(Bug::kEvictedBeforeDrained)) return false;
    if (!run->header.idempotency_key().empty()) {
      keys_of_ended_.push_back(run->header.owner() + '\0' + run->header.idempotency_key());
      if (keys_of_ended_.size() > kKeysOfEndedMax) {
        keys_.erase(keys_of_ended_.front());
        keys_of_ended_.pop_front();
      }
    }
    world_->runs.erase(run_id);
    return true;
  });
}

// ---- Recovery

void RunMachine::Recover(Run* run) {
  if (!run->header.idempotency_key().empty()) {
    keys_[run->header.owner() + '\0' + run->header.idempotency_key()] = {run->id(),
                                                                         run->header.body_sha256()};
  }
  for (NodeId id = 1; id <= run->nodes.size(); ++id) {
    Node& node = run->node(id);
    if (node.phase == NodePhase::kSettled) continue;
    ++run->live.unsettled;
    if (run->returned) continue;
    if (node.phase == NodePhase::kQueued && node.details) scheduler_->Enqueue(run, id);
    if (node.phase == NodePhase::kTimer || node.phase == NodePhase::kBackoff) {
      world_->WakeAt(absl::FromUnixMillis(node.due_ms), Alarm::Kind::kNodeDue, run->id(), id);
    }
    if (node.phase == NodePhase::kLookup && !PlantedBug(Bug::kLookupForgotten)) FindWorkflowOf(run, id);
  }
  if (!PlantedBug(Bug::kDayPauseForgotten)) WatchPause(*run);
  if (run->returned) {
    world_->WakeAt(absl::FromUnixMillis(run->returned_ms) +
                       absl::Milliseconds(run->header.settings().return_grace_ms()),
                   Alarm::Kind::kReturnGrace, run->id());
  } else {
    hosts_->Want(run);
  }
}

}  // namespace odw::core
