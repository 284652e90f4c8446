#include "daemon/core/apply.h"

#include <algorithm>

namespace odw::core {
namespace {

absl::Status Damaged(const Run& run, const std::string& what) {
  return absl::DataLossError("run " + run.id() + ", event " + std::to_string(run.last_seq + 1) + ": " +
                             what);
}

// Counters follow the phase: leaving one state and entering another.
void CountPhase(const Node& node, Counts* counts, int step) {
  if (node.kind != v1::script::AGENT) return;
  switch (node.phase) {
    case NodePhase::kQueued:
    case NodePhase::kBackoff: counts->queued += step; break;
    case NodePhase::kRunning: counts->running += step; break;
    case NodePhase::kBlocked: counts->blocked += step; break;
    case NodePhase::kAwaited:
    case NodePhase::kTimer:
    case NodePhase::kSettled: break;
  }
}

void SetPhase(Run* run, Node* node, NodePhase phase) {
  CountPhase(*node, &run->counts, -1);
  node->phase = phase;
  CountPhase(*node, &run->counts, +1);
}

void ApplySubmitted(const v1::Event& event, Run* run) {
  run->header = event.submitted();
  run->submitted_ms = event.unix_ms();
}

absl::Status ApplyCalled(const v1::NodeCalled& called, int64_t unix_ms, Run* run) {
  if (called.ordinal() != run->nodes.size() + 1) return Damaged(*run, "a call out of order");
  Node& node = run->nodes.emplace_back();
  node.kind = static_cast<uint8_t>(called.kind());
  std::copy_n(called.fingerprint().data(), std::min(called.fingerprint().size(), node.fingerprint.size()),
              node.fingerprint.begin());
  node.due_ms = called.due_unix_ms();
  node.queued_ms = unix_ms;
  node.phase = called.kind() == v1::script::AGENT ? NodePhase::kQueued : NodePhase::kTimer;
  if (called.kind() == v1::script::AGENT) {
    ++run->agents_called;
    ++run->counts.total;
    node.details = std::make_unique<CallDetails>();
    node.details->request = called.request();
    node.runtime = called.request().runtime();
    node.details->prompt = model::ValueFromRef(called.prompt());
  }
  CountPhase(node, &run->counts, +1);
  return absl::OkStatus();
}

absl::Status ApplyStarted(const v1::AttemptStarted& started, Run* run, Node* node) {
  if (node->phase == NodePhase::kSettled) return Damaged(*run, "an attempt of a settled node");
  Attempt* attempt = FindAttempt(*node, started.attempt());
  if (attempt == nullptr) {
    attempt = &node->attempts.emplace_back();
    node->attempts_started = std::max(node->attempts_started, started.attempt());
  }
  attempt->number = started.attempt();
  attempt->token = started.token();
  attempt->executor_id = started.executor_id();
  attempt->executor_pid = started.executor_pid();
  attempt->repeatable = started.repeatable();
  attempt->live = true;
  attempt->given_up = false;
  SetPhase(run, node, NodePhase::kRunning);
  return absl::OkStatus();
}

void ApplyAttemptEnded(const v1::AttemptEnded& ended, Run* run, Node* node) {
  AddUsage(ended.usage(), &run->usage);
  if (ended.re_executed()) {
    ++run->re_executed;
    run->re_executed_tokens += ended.usage().input_tokens() + ended.usage().output_tokens();
  }
  if (Attempt* attempt = FindAttempt(*node, ended.attempt())) {
    attempt->live = false;
    attempt->given_up = ended.given_up();
  }
  if (ended.discarded()) return;
  if (ended.ok()) {
    node->answer = std::make_unique<model::Value>(model::ValueFromRef(ended.value()));
  } else {
    node->last_error = ended.error().category();
  }
  const bool another_lives = std::any_of(node->attempts.begin(), node->attempts.end(),
                                         [](const Attempt& attempt) { return attempt.live; });
  if (node->phase != NodePhase::kSettled && (ended.ok() || !another_lives)) {
    SetPhase(run, node, NodePhase::kAwaited);
  }
}

void CountEnd(const v1::Settled& settled, const Node& node, Run* run) {
  if (node.kind != v1::script::AGENT) return;
  switch (settled.end()) {
    case v1::END_DONE: ++run->counts.done; break;
    case v1::END_SKIPPED: ++run->counts.skipped; break;
    case v1::END_CACHED: ++run->counts.cached; break;
    case v1::END_CANCELLED: ++run->counts.cancelled; break;
    case v1::END_FAILED:
    case v1::END_REFUSED: {
      ++run->counts.failed;
      run->health = v1::DEGRADED;
      const size_t category = settled.end() == v1::END_REFUSED ? v1::LIMIT : node.last_error;
      if (category < run->census.size()) ++run->census[category];
      break;
    }
    default: break;
  }
}

absl::Status ApplySettled(const v1::Settled& settled, Run* run, Node* node) {
  if (node->phase == NodePhase::kSettled) return Damaged(*run, "a second settlement of a node");
  if (settled.seq() != run->settlements.size() + 1) return Damaged(*run, "a settlement out of order");
  Settlement& settlement = run->settlements.emplace_back();
  settlement.node = settled.node();
  settlement.outcome = settled.outcome();
  settlement.budget_spent = settled.budget_spent();
  // An attempt's value stands in its own event; others come with the settlement.
  settlement.value = settled.attempt() > 0 && node->answer ? std::move(*node->answer)
                                                           : model::ValueFromRef(settled.value());
  node->answer.reset();
  if (settled.outcome() == v1::Settled::REJECT) {
    settlement.rejection = std::make_unique<Settlement::Rejection>(Settlement::Rejection{
        settled.error_name(), settled.error_message(), settled.error_code()});
  }
  run->budget_spent = settled.budget_spent();
  if (settled.end() == v1::END_REFUSED) ++run->refusals;
  SetPhase(run, node, NodePhase::kSettled);
  CountEnd(settled, *node, run);
  node->settled_seq = settled.seq();
  node->details.reset();
  return absl::OkStatus();
}

void ApplyLine(const v1::ScriptLine& line, Run* run) {
  if (line.ordinal() > run->lines) run->lines = line.ordinal();
  if (line.kind() != v1::script::Line::PHASE) return;
  run->current_phase = line.text();
  if (std::find(run->phases.begin(), run->phases.end(), line.text()) == run->phases.end()) {
    run->phases.push_back(line.text());
  }
}

void ApplyEnded(const v1::Event& event, Run* run) {
  run->state = event.ended().state();
  run->health = event.ended().health();
  run->error = event.ended().error();
  run->ended_ms = event.unix_ms();
}

// The node that an event speaks of; 0: of none.
NodeId NodeOf(const v1::Event& event) {
  switch (event.body_case()) {
    case v1::Event::kAttemptStarted: return event.attempt_started().node();
    case v1::Event::kAttemptEnded: return event.attempt_ended().node();
    case v1::Event::kSettled: return event.settled().node();
    case v1::Event::kRequeued: return event.requeued().node();
    case v1::Event::kBlocked: return event.blocked().node();
    default: return 0;
  }
}

absl::Status ApplyBody(const v1::Event& event, Run* run, Node* node) {
  switch (event.body_case()) {
    case v1::Event::kSubmitted: ApplySubmitted(event, run); break;
    case v1::Event::kCalled: return ApplyCalled(event.called(), event.unix_ms(), run);
    case v1::Event::kAttemptStarted: return ApplyStarted(event.attempt_started(), run, node);
    case v1::Event::kAttemptEnded: ApplyAttemptEnded(event.attempt_ended(), run, node); break;
    case v1::Event::kSettled: return ApplySettled(event.settled(), run, node);
    case v1::Event::kRequeued:
      if (event.requeued().counts()) ++node->tries_failed;
      node->due_ms = event.requeued().not_before_unix_ms();
      node->queued_ms = std::max(event.unix_ms(), node->due_ms);
      SetPhase(run, node, node->due_ms > 0 ? NodePhase::kBackoff : NodePhase::kQueued);
      break;
    case v1::Event::kBlocked: SetPhase(run, node, NodePhase::kBlocked); break;
    case v1::Event::kLine: ApplyLine(event.line(), run); break;
    case v1::Event::kReturned:
      run->returned = event.returned();
      run->returned_ms = event.unix_ms();
      break;
    case v1::Event::kEnded: ApplyEnded(event, run); break;
    case v1::Event::kLateUsage: AddUsage(event.late_usage().usage(), &run->usage); break;
    case v1::Event::kStopRequested: break;
    case v1::Event::kPaused:
    case v1::Event::kUnpaused:
    case v1::Event::kRestarted:
    case v1::Event::kBudgetChanged:
    case v1::Event::kSession: break;
    case v1::Event::BODY_NOT_SET: return Damaged(*run, "an event of an unknown kind");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Apply(const v1::Event& event, Run* run) {
  Node* node = nullptr;
  if (const NodeId id = NodeOf(event); id != 0) {
    if (id > run->nodes.size()) return Damaged(*run, "an unknown node");
    node = &run->node(id);
  }
  absl::Status status = ApplyBody(event, run, node);
  if (status.ok()) ++run->last_seq;
  return status;
}

}  // namespace odw::core
