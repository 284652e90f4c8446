#include "daemon/core/run_machine.h"

#include <algorithm>
#include <cmath>

#include "daemon/base/ids.h"
#include "daemon/base/sha256.h"

namespace odw::core {
namespace {

constexpr size_t kKeysOfEndedMax = 10000;
constexpr size_t kLineBytesMax = 16 << 10;
constexpr double kDelayMsMax = 1e12;

v1::Error MakeError(v1::ErrorCategory category, const std::string& message) {
  v1::Error error;
  error.set_category(category);
  error.set_message(message);
  return error;
}

// The call as made, in one form: what replay compares.
Fingerprint FingerprintOf(const v1::script::Call& call) {
  std::string text = std::to_string(call.kind());
  for (const std::string& part : {call.request(), std::to_string(call.delay_ms()), call.name(),
                                  call.script_path(), call.args_json(), call.child_path()}) {
    text += '\0';
    text += std::to_string(part.size());
    text += ':';
    text += part;
  }
  const std::string digest = Sha256(text);
  Fingerprint fingerprint;
  std::copy_n(digest.data(), fingerprint.size(), fingerprint.begin());
  return fingerprint;
}

// SPEC B13: the model of the phase that the agent resolves to, unless it names its own.
void ResolveDefaults(const v1::RunSettings& settings, v1::AgentRequest* request) {
  if (request->runtime().empty()) request->set_runtime(settings.default_runtime());
  if (request->runtime() == "command") return;
  if (request->model() == "inherit") request->clear_model();
  for (const v1::PhaseModel& phase : settings.phase_models()) {
    if (request->model().empty() && phase.title() == request->phase()) {
      request->set_model(phase.model());
    }
  }
  if (request->model().empty()) request->set_model(settings.default_model());
  if (request->cwd().empty()) request->set_cwd(settings.cwd());
}

std::string LabelOf(const Run& run, NodeId id) {
  const Node& node = run.node(id);
  if (node.details && !node.details->request.label().empty()) return node.details->request.label();
  return NodeName(id);
}

}  // namespace

// ---- Submit and stop

bool RunMachine::ReplyToKnownKey(const Submit& submit) {
  const v1::RunSubmitted& header = submit.header;
  if (header.idempotency_key().empty()) return false;
  std::string run_id, body;
  const auto known = keys_.find(header.owner() + '\0' + header.idempotency_key());
  if (known != keys_.end()) {
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
  if (world_->runs.size() >= world_->settings().open_runs_max) {
    world_->Do(Reply{.request = submit.request,
                     .status = absl::ResourceExhaustedError(
                         "limit open_runs_max: " + std::to_string(world_->runs.size()) +
                         " runs are open; wait for some to end, stop some, or raise the limit")});
    return;
  }
  auto owned = std::make_unique<Run>();
  Run* run = owned.get();
  const std::string run_id = submit.header.run_id();
  run->header.set_run_id(run_id);
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
  } else {
    v1::Event event;
    event.mutable_stop_requested()->set_reason(stop.reason);
    event.mutable_stop_requested()->set_by(stop.owner);
    world_->Emit(run, std::move(event));
    End(run, v1::KILLED, MakeError(v1::CANCELLED, "Workflow aborted"));
  }
  world_->Do(std::move(reply));
}

// ---- Turns

void RunMachine::OnTurn(HostTurn input) {
  Run* run = world_->FindRun(input.run_id);
  if (run == nullptr || run->host.state != HostLink::State::kActive ||
      run->host.epoch != input.epoch) {
    return;
  }
  // Lines first: a script logs what it is about to do.
  for (const v1::script::Line& line : input.turn.lines()) OnLine(run, line);
  for (v1::script::Call& call : *input.turn.mutable_calls()) {
    OnCall(run, std::move(call));
    if (run->ended()) return;
  }
  if (input.turn.more()) return;
  run->host.started = true;
  run->host.finished = input.turn.seq();
  if (run->returned) return;  // its body was done before: late turns say nothing new
  if (input.turn.end_case() != v1::script::Turn::END_NOT_SET) {
    OnBodyDone(run, input.turn);
    return;
  }
  if (run->host.finished == run->settlements.size()) {
    hosts_->Quiet(run);
    CheckDeadlock(run);
  }
}

void RunMachine::OnLine(Run* run, const v1::script::Line& line) {
  if (++run->host.lines_seen <= run->lines) return;  // replay: recorded already
  v1::Event event;
  v1::ScriptLine* record = event.mutable_line();
  record->set_ordinal(run->host.lines_seen);
  record->set_kind(line.kind());
  record->set_text(line.text().substr(0, kLineBytesMax));
  world_->Emit(run, std::move(event));
}

bool RunMachine::Diverges(Run* run, const v1::script::Call& call, const Fingerprint& fingerprint) {
  const uint64_t expected = run->host.calls_seen;
  if (call.ordinal() == expected && run->node(expected).fingerprint == fingerprint) return false;
  v1::AgentRequest made;
  made.ParseFromString(call.request());
  const Node& node = run->node(expected);
  const std::string before = node.details ? node.details->request.label() : "a settled call";
  End(run, v1::NEEDS_ATTENTION,
      MakeError(v1::INTERNAL,
                "replay diverged at " + NodeName(expected) + ": the journal has '" + before +
                    "', the script now calls '" + made.label() +
                    "'. Its results are kept; resume it as a new run to go on"));
  return true;
}

void RunMachine::OnCall(Run* run, v1::script::Call call) {
  if (call.kind() == v1::script::CANCEL_TIMER) return CancelTimer(run, call.target());
  const Fingerprint fingerprint = FingerprintOf(call);
  if (++run->host.calls_seen <= run->nodes.size()) {
    Diverges(run, call, fingerprint);
    return;
  }
  if (call.ordinal() != run->host.calls_seen || run->returned) return;  // a host that lost count

  v1::Event event;
  v1::NodeCalled* called = event.mutable_called();
  called->set_ordinal(call.ordinal());
  called->set_kind(call.kind());
  called->set_fingerprint(fingerprint.data(), fingerprint.size());
  called->set_scope(call.scope());
  called->set_child_path(call.child_path());
  std::vector<model::Value> values;
  if (call.kind() == v1::script::AGENT) {
    v1::AgentRequest* request = called->mutable_request();
    request->ParseFromString(call.request());
    ResolveDefaults(run->header.settings(), request);
    values.push_back(model::MakeValue(std::move(*request->mutable_prompt())));
    request->clear_prompt();
    *called->mutable_prompt() = values.back().ref;
  } else if (call.kind() == v1::script::TIMER) {
    const double delay = std::isfinite(call.delay_ms()) ? call.delay_ms() : 0;
    called->set_due_unix_ms(world_->now_ms() +
                            static_cast<int64_t>(std::clamp(delay, 0.0, kDelayMsMax)));
  } else {
    called->set_name(call.name());
  }
  world_->Emit(run, std::move(event), std::move(values));
  ++run->live.unsettled;

  const NodeId id = run->nodes.size();
  const Node& node = run->node(id);
  if (call.kind() == v1::script::AGENT) {
    OnAgentCall(run, id);
  } else if (call.kind() == v1::script::TIMER) {
    world_->WakeAt(absl::FromUnixMillis(node.due_ms), Alarm::Kind::kNodeDue, run->id(), id);
  } else {
    v1::Settled settled;
    settled.set_outcome(v1::Settled::REJECT);
    settled.set_error_name("Error");
    settled.set_error_message("workflow('" + call.name() + "'): no workflow with that name. Available: none");
    settled.set_end(v1::END_REFUSED);
    Settle(run, id, std::move(settled));
  }
}

void RunMachine::OnAgentCall(Run* run, NodeId id) {
  if (RefuseAgent(run, id)) return;
  if (run->node(id).details->request.runtime().empty()) {
    v1::Settled settled;
    settled.set_outcome(v1::Settled::REJECT);
    settled.set_error_name("Error");
    settled.set_error_message("agent(): no runtime: give the option `runtime`, or set default_runtime "
                              "in the daemon's config");
    settled.set_end(v1::END_REFUSED);
    Settle(run, id, std::move(settled));
    return;
  }
  scheduler_->Enqueue(run, id);
}

// Cap (SPEC J3) and budget (G4): the call is refused by a settlement, so that replay sees the same.
bool RunMachine::RefuseAgent(Run* run, NodeId id) {
  const v1::RunSettings& settings = run->header.settings();
  v1::Settled settled;
  if (run->agents_called > settings.agents_max()) {
    settled.set_error_message("Workflow agent() call cap reached (" +
                              std::to_string(settings.agents_max()) + ")");
    settled.set_error_code("limit");
  } else if (settings.has_budget_total() && run->budget_spent >= settings.budget_total()) {
    settled.set_error_message("Workflow budget exhausted: " +
                              std::to_string(static_cast<int64_t>(run->budget_spent)) + " of " +
                              std::to_string(static_cast<int64_t>(settings.budget_total())) + " tokens");
    settled.set_error_code("budget");
  } else {
    return false;
  }
  settled.set_outcome(v1::Settled::REJECT);
  settled.set_error_name("Error");
  settled.set_end(v1::END_REFUSED);
  Settle(run, id, std::move(settled));
  if (run->refusals > settings.call_refusals_max()) {
    Fail(run, v1::LIMIT, "the script went on calling agent() after " +
                             std::to_string(run->refusals) + " refusals");
  }
  return true;
}

void RunMachine::CancelTimer(Run* run, NodeId id) {
  // Replay meets clearTimeout of timers that are settled already, and scripts may pass any number.
  if (id == 0 || id > run->nodes.size()) return;
  const Node& node = run->node(id);
  if (node.kind != v1::script::TIMER || node.phase != NodePhase::kTimer) return;
  v1::Settled settled;
  settled.set_outcome(v1::Settled::RESOLVE_UNDEFINED);
  settled.set_end(v1::END_CANCELLED);
  Settle(run, id, std::move(settled));
}

void RunMachine::Settle(Run* run, NodeId id, v1::Settled settled) {
  settled.set_seq(run->settlements.size() + 1);
  settled.set_node(id);
  settled.set_budget_spent(std::max(settled.budget_spent(), run->budget_spent));
  v1::Event event;
  *event.mutable_settled() = std::move(settled);
  world_->Emit(run, std::move(event));
  ++world_->stats.settled;
  --run->live.unsettled;
  if (!run->returned) hosts_->Want(run);  // nothing is delivered after the return
}

void RunMachine::Requeue(Run* run, NodeId id, absl::Time not_before, const std::string& why,
                         bool counts) {
  v1::Event event;
  v1::NodeRequeued* requeued = event.mutable_requeued();
  requeued->set_node(id);
  requeued->set_why(why);
  requeued->set_counts(counts);
  if (not_before > world_->now()) requeued->set_not_before_unix_ms(absl::ToUnixMillis(not_before));
  world_->Emit(run, std::move(event));
  ++world_->stats.requeues;
  if (run->node(id).phase == NodePhase::kBackoff) {
    world_->WakeAt(not_before, Alarm::Kind::kNodeDue, run->id(), id);
  } else {
    scheduler_->Enqueue(run, id);
  }
}

void RunMachine::OnNodeDue(Run* run, NodeId id) {
  Node& node = run->node(id);
  if (run->ended() || node.due_ms > world_->now_ms()) return;
  if (node.phase == NodePhase::kTimer) {
    v1::Settled settled;
    settled.set_outcome(v1::Settled::RESOLVE_UNDEFINED);
    settled.set_end(v1::END_TIMER);
    Settle(run, id, std::move(settled));
  } else if (node.phase == NodePhase::kBackoff) {
    // Not an event: the due time was one, and the fold must not read a clock.
    node.phase = NodePhase::kQueued;
    scheduler_->Enqueue(run, id);
  }
}

// SPEC L9: the script waits, and nothing that could wake it is under way.
void RunMachine::CheckDeadlock(Run* run) {
  if (run->live.unsettled > 0) return;
  Fail(run, v1::INVALID_REQUEST,
       "workflow is deadlocked: it waits, and no agent, timer or child is pending. Look for an await "
       "of a promise that nothing settles");
}

// ---- The end

void RunMachine::OnBodyDone(Run* run, const v1::script::Turn& turn) {
  if (run->host.calls_seen < run->nodes.size()) {
    return End(run, v1::NEEDS_ATTENTION,
               MakeError(v1::INTERNAL, "replay diverged: the script ended after " +
                                           std::to_string(run->host.calls_seen) + " calls, the journal has " +
                                           std::to_string(run->nodes.size())));
  }
  v1::RunReturned returned;
  model::Value value;
  if (turn.end_case() == v1::script::Turn::kReturned) {
    returned.set_ok(true);
    value = model::MakeValue(turn.returned().value_json());
    *returned.mutable_value_json() = value.ref;
  } else {
    const v1::script::Thrown& thrown = turn.thrown();
    const bool timed_out = thrown.category() == "timeout";
    const std::string name = thrown.name().empty() ? "" : thrown.name() + ": ";
    *returned.mutable_error() =
        MakeError(timed_out ? v1::TIMEOUT : v1::INVALID_REQUEST, name + thrown.message());
    returned.set_stack(thrown.stack());
  }
  Return(run, std::move(returned), std::move(value));
}

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
  const v1::Error error = run->returned->error();
  End(run, run->returned->ok() ? v1::COMPLETED : v1::FAILED, error);
}

void RunMachine::OnReturnGrace(Run* run) {
  if (run->ended() || !run->returned) return;
  std::string labels;
  for (const std::string& token : run->live.tokens) {
    TokenRef ref = world_->tokens[token];
    if (labels.size() < 500) labels += (labels.empty() ? "" : ", ") + LabelOf(*run, ref.node);
  }
  if (!labels.empty()) {
    v1::Event event;
    event.mutable_line()->set_kind(v1::script::Line::WARNING);
    event.mutable_line()->set_text("the workflow returned while agents were running; cancelled: " + labels);
    world_->Emit(run, std::move(event));
  }
  FinishReturned(run);
}

void RunMachine::CancelAttempts(Run* run, const std::string& reason) {
  for (const std::string& token : run->live.tokens) {
    for (auto& [session, executor] : world_->sessions) {
      if (!executor->tokens.contains(token)) continue;
      world_->Do(SendCancel{.session = session, .token = token, .reason = reason});
    }
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
  CancelAttempts(run, "the run has ended");
  ForgetLostAttempts(run);
  world_->Do(RunEnded{.run_id = run->id()});
  ended_.push_back(run->id());
  if (!run->live.tokens.empty()) {
    world_->WakeAt(world_->now() + world_->settings().leftover_grace, Alarm::Kind::kLeftover, run->id());
  }
}

void RunMachine::OnLeftover(Run* run) {
  if (!run->ended()) return;
  const std::vector<std::string> tokens(run->live.tokens.begin(), run->live.tokens.end());
  for (const std::string& token : tokens) {
    world_->tokens.erase(token);
    ReleaseAttempt(run, token);
  }
}

// Attempts that were given up as lost: their late answers are not waited for any more.
void RunMachine::ForgetLostAttempts(Run* run) {
  for (const Node& node : run->nodes) {
    for (const Attempt& attempt : node.attempts) {
      if (!run->live.tokens.contains(attempt.token)) world_->tokens.erase(attempt.token);
    }
  }
}

void RunMachine::ReleaseAttempt(Run* run, const std::string& token) {
  if (run->live.tokens.erase(token) == 0) return;
  for (auto& [id, executor] : world_->executors) executor->tokens.erase(token);
  --run->live.running;
  if (run->ended()) return;
  if (!run->returned) {
    scheduler_->ReleaseRunSlot(run);
  } else if (run->live.tokens.empty()) {
    FinishReturned(run);
  }
}

void RunMachine::EvictEnded() {
  std::erase_if(ended_, [&](const std::string& run_id) {
    Run* run = world_->FindRun(run_id);
    if (run == nullptr) return true;
    if (!run->live.tokens.empty() || run->live.dirty) return false;
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

// ---- Hosts lost, recovery

void RunMachine::OnHostGone(const HostGone& gone) {
  Run* run = world_->FindRun(gone.run_id);
  if (run == nullptr || run->host.state != HostLink::State::kActive ||
      run->host.epoch != gone.epoch) {
    return;
  }
  const bool replaying = run->host.finished < run->host.replay_until || !run->host.started;
  hosts_->Gone(run);
  ++world_->stats.host_deaths;
  if (run->returned || run->ended()) return;
  run->host.deaths = run->host.progress_mark == run->last_seq ? run->host.deaths + 1 : 1;
  run->host.progress_mark = run->last_seq;
  // One that could say why has met the same end again if it is repeated; in replay it gets another try.
  const bool hopeless = run->host.deaths >= world_->settings().host_deaths_max;
  if (gone.fatal && (!replaying || run->nodes.empty() || run->host.deaths > 1)) {
    switch (gone.fatal->reason()) {
      case v1::script::Fatal::OUT_OF_MEMORY:
        return Fail(run, v1::LIMIT, "out of memory: the script needed more than its heap limit of " +
                                        std::to_string(run->header.settings().heap_bytes_max() >> 20) +
                                        " MiB. " + gone.fatal->message());
      case v1::script::Fatal::TIMEOUT:
        return Fail(run, v1::TIMEOUT,
                    "Script execution timed out after " +
                        std::to_string(run->header.settings().turn_cpu_ms()) + "ms");
      default:
        if (hopeless) return Fail(run, v1::CRASHED, "the script host failed: " + gone.fatal->message());
    }
  }
  if (hopeless) {
    return Fail(run, v1::CRASHED,
                "the script host died " + std::to_string(run->host.deaths) +
                    " times in a row without getting further");
  }
  hosts_->Want(run);
}

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
  }
  if (run->returned) {
    world_->WakeAt(absl::FromUnixMillis(run->returned_ms) +
                       absl::Milliseconds(run->header.settings().return_grace_ms()),
                   Alarm::Kind::kReturnGrace, run->id());
  } else {
    hosts_->Want(run);
  }
}

}  // namespace odw::core
