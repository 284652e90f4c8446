#include "daemon/core/apply.h"

#include <algorithm>
#include <optional>

#include "daemon/core/budget.h"
#include "daemon/core/day.h"
#include "daemon/core/fallback.h"
#include "daemon/core/planted_bug.h"
#include "daemon/core/resolve.h"
#include "daemon/core/reuse_key.h"
#include "daemon/model/error_table.h"

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
    case NodePhase::kBackoff: counts->backoff += step; [[fallthrough]];
    case NodePhase::kQueued: counts->queued += step; break;
    case NodePhase::kRunning:
    case NodePhase::kAwaited: counts->running += step; break;  // until it settles
    case NodePhase::kBlocked: counts->blocked += step; break;
    case NodePhase::kTimer:
    case NodePhase::kLookup:
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

NodePhase FirstPhase(uint32_t kind) {
  if (kind == v1::script::AGENT) return NodePhase::kQueued;
  return kind == v1::script::WORKFLOW ? NodePhase::kLookup : NodePhase::kTimer;
}

void ApplyAgentCalled(const v1::NodeCalled& called, Run* run, Node* node) {
  ++run->agents_called;
  ++run->counts.total;
  node->details = std::make_unique<CallDetails>();
  node->details->request = called.request();
  ForceRuntime(run->header, &node->details->request);
  node->details->request.clear_prompt();  // it is a value of its own
  node->runtime = node->details->request.runtime();
  node->details->prompt = model::ValueFromRef(called.prompt());
  node->details->reuse_key = called.reuse_key();
  if (!called.reuse_key().empty()) {
    ++run->occurrences[OccurrenceKey(RequestKeyOf(called.reuse_key()), called.scope())];
  }
  if (!called.request().agent_type().empty()) {
    run->agent_types.insert(called.request().agent_type());
  }
}

absl::Status ApplyCalled(const v1::NodeCalled& called, int64_t unix_ms, Run* run) {
  if (called.ordinal() != run->nodes.size() + 1) return Damaged(*run, "a call out of order");
  Node& node = run->nodes.emplace_back();
  node.kind = static_cast<uint8_t>(called.kind());
  std::copy_n(called.fingerprint().data(), std::min(called.fingerprint().size(), node.fingerprint.size()),
              node.fingerprint.begin());
  node.due_ms = called.due_unix_ms();
  node.queued_ms = unix_ms;
  node.phase = FirstPhase(called.kind());
  if (called.kind() == v1::script::AGENT) ApplyAgentCalled(called, run, &node);
  if (called.kind() == v1::script::WORKFLOW) {
    node.lookup = std::make_unique<Lookup>(Lookup{called.name(), called.script_path()});
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
    attempt->reserved_tokens = started.reserved_tokens();
    attempt->reserved_micros = started.reserved_micros();
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

void NoteSession(uint32_t number, const std::string& id, Node* node) {
  const Attempt* attempt = FindAttempt(*node, number);
  if (id.empty() || attempt == nullptr || attempt->fenced || node->phase == NodePhase::kSettled) return;
  node->session = std::make_unique<RuntimeSession>(
      RuntimeSession{.id = id,
                     .token = attempt->token,
                     .executor_id = attempt->executor_id,
                     .runtime = node->details ? node->details->request.runtime() : ""});
}

// To the run and to the day.
void Charge(const v1::Event& event, const v1::Usage& usage, Run* run) {
  model::AddUsage(usage, &run->usage);
  const uint32_t day = DayOf(event.unix_ms());
  if (day > run->usage_day) {
    run->usage_day = day;
    run->day_usage.Clear();
  }
  model::AddUsage(usage, &run->day_usage);
}

// The newest weighs a quarter.
void Learn(const v1::AttemptEnded& ended, const Node& node, Run* run) {
  const double tokens = TokensOf(run->header, ended.usage());
  if (tokens == 0 || node.details == nullptr || !HasCeiling(run->header.settings())) return;
  const double micros = CostOf(run->header.settings(), ended.usage());
  const auto [found, first] = run->estimates.try_emplace(EstimateKey(node.details->request),
                                                         Estimate{.tokens = tokens, .micros = micros});
  if (first) return;
  found->second.tokens += (tokens - found->second.tokens) / 4;
  found->second.micros += (micros - found->second.micros) / 4;
}

void ApplyAttemptEnded(const v1::Event& event, Run* run, Node* node) {
  const v1::AttemptEnded& ended = event.attempt_ended();
  Charge(event, ended.usage(), run);
  Learn(ended, *node, run);
  const bool settled = node->phase == NodePhase::kSettled;
  (settled ? run->late_spent : node->spent) += SpentBy(run->header.dialect(), ended.usage());
  if (ended.re_executed()) {
    ++run->re_executed;
    ++node->losses;
    run->re_executed_tokens += ended.usage().input_tokens() + ended.usage().output_tokens();
  }
  if (Attempt* attempt = FindAttempt(*node, ended.attempt())) {
    attempt->live = false;
    attempt->given_up = ended.given_up();
  }
  if (HasAnswered(ended.usage())) NoteSession(ended.attempt(), ended.session_id(), node);
  if (ended.discarded() || settled) return;
  node->answer = std::make_unique<AttemptAnswer>(AttemptAnswer{
      .attempt = ended.attempt(), .ok = ended.ok(), .is_json = ended.value_is_json()});
  if (ended.ok()) {
    node->answer->value = model::ValueFromRef(ended.value());
  } else {
    node->answer->error = ended.error();
    node->last_error = ended.error().category();
  }
  const bool another_is_awaited =
      std::any_of(node->attempts.begin(), node->attempts.end(),
                  [](const Attempt& attempt) { return attempt.awaited(); });
  if (!ended.ok() && another_is_awaited) return;
  SetPhase(run, node, NodePhase::kAwaited);
  if (run->paused()) run->held.push_back(ended.node());
}

absl::Status ApplyRestarted(const v1::Event& event, Run* run, Node* node) {
  if (node->phase == NodePhase::kSettled) return Damaged(*run, "a restart of a settled node");
  for (Attempt& attempt : node->attempts) {
    if (!PlantedBug(Bug::kFencedAnswerTaken)) attempt.fenced = true;
  }
  node->answer.reset();
  node->session.reset();  // who restarts a node wants it done anew
  node->due_ms = 0;
  node->waited_ms = 0;
  node->tries_failed = 0;
  node->losses = 0;
  node->queued_ms = event.unix_ms();
  SetPhase(run, node, NodePhase::kQueued);
  return absl::OkStatus();
}

void ApplyRequeued(const v1::Event& event, Run* run, Node* node) {
  const v1::NodeRequeued& requeued = event.requeued();
  if (requeued.counts()) ++node->tries_failed;
  if (requeued.not_before_unix_ms() == kNextFallback && node->details) {
    TakeFallback(&node->details->request);
    node->session.reset();  // another model begins anew: what failed may be in the session
    node->runtime = node->details->request.runtime();
    node->tries_failed = 0;
    node->waited_ms = 0;
  }
  node->due_ms = std::max<int64_t>(requeued.not_before_unix_ms(), 0);
  if (node->due_ms > event.unix_ms()) node->waited_ms += node->due_ms - event.unix_ms();
  node->queued_ms = std::max(event.unix_ms(), node->due_ms);
  SetPhase(run, node, node->due_ms > 0 ? NodePhase::kBackoff : NodePhase::kQueued);
  std::erase(run->held, requeued.node());
}

// What a settlement was for is its code, where no attempt tells; older journals have none.
size_t CensusOf(const v1::Settled& settled, const Node& node) {
  const v1::ErrorCategory category = model::CategoryFromName(settled.error_code().c_str());
  if (category != v1::ERROR_CATEGORY_UNSPECIFIED) return category;
  return settled.end() == v1::END_REFUSED ? v1::LIMIT : node.last_error;
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
      const size_t category = CensusOf(settled, node);
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
  settlement.value = settled.attempt() > 0 && node->answer
                         ? std::move(node->answer->value)
                         : model::ValueFromRef(settled.value());
  node->answer.reset();
  if (settled.outcome() == v1::Settled::REJECT) {
    settlement.rejection = std::make_unique<Settlement::Rejection>(Settlement::Rejection{
        settled.error_name(), settled.error_message(), settled.error_code()});
  }
  run->budget_spent = settled.budget_spent();
  run->late_spent = 0;
  model::AddUsage(settled.saved_usage(), &run->saved_usage);
  if (settled.end() == v1::END_CACHED && settled.from_run() == run->header.resumed_from()) {
    run->reused.insert(settled.from_node());
  }
  std::erase(run->held, settled.node());
  if (settled.end() == v1::END_REFUSED) ++run->refusals;
  SetPhase(run, node, NodePhase::kSettled);
  CountEnd(settled, *node, run);
  node->settled_seq = settled.seq();
  const bool succeeded = settled.end() == v1::END_DONE || settled.end() == v1::END_CACHED;
  if (succeeded && node->details && Memoised(run->header.dialect(), node->details->request)) {
    run->memo[RequestKeyOf(node->details->reuse_key)] = settled.seq();
  }
  node->details.reset();
  node->lookup.reset();
  node->session.reset();
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

void ApplyBudgetChanged(const v1::BudgetChanged& changed, Run* run) {
  v1::RunSettings* settings = run->header.mutable_settings();
  if (changed.tokens_max() > 0) settings->set_tokens_max(changed.tokens_max());
  if (changed.cost_micros_max() > 0) settings->set_cost_micros_max(changed.cost_micros_max());
}

// The node that an event speaks of; none: of its run.
std::optional<NodeId> NodeOf(const v1::Event& event) {
  switch (event.body_case()) {
    case v1::Event::kAttemptStarted: return event.attempt_started().node();
    case v1::Event::kAttemptEnded: return event.attempt_ended().node();
    case v1::Event::kSettled: return event.settled().node();
    case v1::Event::kRequeued: return event.requeued().node();
    case v1::Event::kBlocked: return event.blocked().node();
    case v1::Event::kRestarted: return event.restarted().node();
    case v1::Event::kSession: return event.session().node();
    default: return std::nullopt;
  }
}

absl::Status ApplyBody(const v1::Event& event, Run* run, Node* node) {
  switch (event.body_case()) {
    case v1::Event::kSubmitted: ApplySubmitted(event, run); break;
    case v1::Event::kCalled: return ApplyCalled(event.called(), event.unix_ms(), run);
    case v1::Event::kAttemptStarted: return ApplyStarted(event.attempt_started(), run, node);
    case v1::Event::kAttemptEnded: ApplyAttemptEnded(event, run, node); break;
    case v1::Event::kSettled: return ApplySettled(event.settled(), run, node);
    case v1::Event::kRequeued: ApplyRequeued(event, run, node); break;
    case v1::Event::kBlocked: SetPhase(run, node, NodePhase::kBlocked); break;
    case v1::Event::kLine: ApplyLine(event.line(), run); break;
    case v1::Event::kReturned:
      run->returned = event.returned();
      run->returned_ms = event.unix_ms();
      break;
    case v1::Event::kEnded: ApplyEnded(event, run); break;
    case v1::Event::kLateUsage: Charge(event, event.late_usage().usage(), run); break;
    case v1::Event::kStopRequested: break;
    case v1::Event::kPaused:
      run->state = v1::PAUSED;
      run->paused_why = event.paused().why();
      run->paused_until_ms = event.paused().until_unix_ms();
      break;
    case v1::Event::kUnpaused:
      run->state = v1::RUNNING;
      run->paused_why.clear();
      run->paused_until_ms = 0;
      break;
    case v1::Event::kRestarted: return ApplyRestarted(event, run, node);
    case v1::Event::kBudgetChanged: ApplyBudgetChanged(event.budget_changed(), run); break;
    case v1::Event::kSession:
      NoteSession(event.session().attempt(), event.session().session_id(), node);
      break;
    case v1::Event::BODY_NOT_SET: return Damaged(*run, "an event of an unknown kind");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Apply(const v1::Event& event, Run* run) {
  Node* node = nullptr;
  if (const std::optional<NodeId> id = NodeOf(event)) {
    if (*id == 0 || *id > run->nodes.size()) return Damaged(*run, "an unknown node");
    node = &run->node(*id);
  }
  absl::Status status = ApplyBody(event, run, node);
  if (status.ok()) ++run->last_seq;
  return status;
}

}  // namespace odw::core
