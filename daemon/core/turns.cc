#include "daemon/core/turns.h"

#include <algorithm>

#include "daemon/base/ids.h"
#include "daemon/core/call.h"
#include "daemon/core/planted_bug.h"

namespace odw::core {
namespace {

constexpr size_t kLineBytesMax = 16 << 10;

}  // namespace

void Turns::OnTurn(HostTurn input) {
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
  // Every recorded call was made in a turn that has now been repeated.
  if (run->host.finished >= run->host.replay_until && run->host.calls_seen < run->nodes.size() &&
      !PlantedBug(Bug::kFewerCallsUnnoticed)) {
    return MissesCalls(run, "waits");
  }
  if (run->host.finished == run->settlements.size()) {
    hosts_->Quiet(run);
    CheckDeadlock(run);
  }
}

void Turns::OnLine(Run* run, const v1::script::Line& line) {
  if (++run->host.lines_seen <= run->lines) return;  // replay: recorded already
  v1::Event event;
  v1::ScriptLine* record = event.mutable_line();
  record->set_ordinal(run->host.lines_seen);
  record->set_kind(line.kind());
  record->set_text(line.text().substr(0, kLineBytesMax));
  world_->Emit(run, std::move(event));
}

bool Turns::Diverges(Run* run, const v1::script::Call& call, const Fingerprint& fingerprint) {
  const uint64_t expected = run->host.calls_seen;
  if (PlantedBug(Bug::kDivergenceIgnored)) return false;
  if (call.ordinal() == expected && run->node(expected).fingerprint == fingerprint) return false;
  v1::AgentRequest made;
  made.ParseFromString(call.request());
  const Node& node = run->node(expected);
  const std::string before = node.details ? node.details->request.label() : "a settled call";
  runs_->End(
      run, v1::NEEDS_ATTENTION,
      MakeError(v1::INTERNAL, "replay diverged at " + NodeName(expected) + ": the journal has '" +
                                  before + "', the script now calls '" + made.label() +
                                  "'. Its results are kept; resume it as a new run to go on"));
  return true;
}

void Turns::OnCall(Run* run, v1::script::Call call) {
  if (call.kind() == v1::script::CANCEL_TIMER) return CancelTimer(run, call.target());
  const Fingerprint fingerprint = FingerprintOf(call);
  if (++run->host.calls_seen <= run->nodes.size()) {
    Diverges(run, call, fingerprint);
    return;
  }
  if (call.ordinal() != run->host.calls_seen || run->returned) return;  // a host that lost count

  std::vector<model::Value> values;
  v1::Event event;
  *event.mutable_called() = RecordOf(call, run->header.settings(), world_->now_ms(), &values);
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
    settled.set_error_message("workflow('" + call.name() +
                              "'): no workflow with that name. Available: none");
    settled.set_end(v1::END_REFUSED);
    runs_->Settle(run, id, std::move(settled));
  }
}

void Turns::OnWorkflowFound(WorkflowFound found) { (void)found; }

void Turns::OnAgentCall(Run* run, NodeId id) {
  if (RefuseAgent(run, id)) return;
  if (run->node(id).details->request.runtime().empty()) {
    v1::Settled settled;
    settled.set_outcome(v1::Settled::REJECT);
    settled.set_error_name("Error");
    settled.set_error_message(
        "agent(): no runtime: give the option `runtime`, or set default_runtime "
        "in the daemon's config");
    settled.set_end(v1::END_REFUSED);
    runs_->Settle(run, id, std::move(settled));
    return;
  }
  scheduler_->Enqueue(run, id);
}

// Cap (SPEC J3) and budget (G4): the call is refused by a settlement, so that replay sees the same.
bool Turns::RefuseAgent(Run* run, NodeId id) {
  const v1::RunSettings& settings = run->header.settings();
  v1::Settled settled;
  if (run->agents_called > settings.agents_max()) {
    settled.set_error_message("Workflow agent() call cap reached (" +
                              std::to_string(settings.agents_max()) + ")");
    settled.set_error_code("limit");
  } else if (settings.has_budget_total() && run->budget_spent >= settings.budget_total()) {
    settled.set_error_message(
        "Workflow budget exhausted: " + std::to_string(static_cast<int64_t>(run->budget_spent)) +
        " of " + std::to_string(static_cast<int64_t>(settings.budget_total())) + " tokens");
    settled.set_error_code("budget");
  } else {
    return false;
  }
  settled.set_outcome(v1::Settled::REJECT);
  settled.set_error_name("Error");
  settled.set_end(v1::END_REFUSED);
  runs_->Settle(run, id, std::move(settled));
  if (run->refusals > settings.call_refusals_max()) {
    runs_->Fail(
        run, v1::LIMIT,
        "the script went on calling agent() after " + std::to_string(run->refusals) + " refusals");
  }
  return true;
}

void Turns::CancelTimer(Run* run, NodeId id) {
  // Replay meets clearTimeout of timers that are settled already, and scripts may pass any number.
  if (id == 0 || id > run->nodes.size()) return;
  const Node& node = run->node(id);
  if (node.kind != v1::script::TIMER || node.phase != NodePhase::kTimer) return;
  v1::Settled settled;
  settled.set_outcome(v1::Settled::RESOLVE_UNDEFINED);
  settled.set_end(v1::END_CANCELLED);
  runs_->Settle(run, id, std::move(settled));
}

// SPEC L9: the script waits, and nothing that could wake it is under way.
void Turns::CheckDeadlock(Run* run) {
  if (run->live.unsettled > 0) return;
  runs_->Fail(run, v1::INVALID_REQUEST,
              "workflow is deadlocked: it waits, and no agent, timer or child is pending. Look for "
              "an await "
              "of a promise that nothing settles");
}

v1::ErrorCategory Turns::CategoryOf(const v1::script::Thrown& thrown) {
  if (thrown.category() == "timeout") return v1::TIMEOUT;
  if (thrown.category() == "out_of_memory") return v1::LIMIT;
  return v1::INVALID_REQUEST;
}

void Turns::OnBodyDone(Run* run, const v1::script::Turn& turn) {
  if (run->host.calls_seen < run->nodes.size()) {
    return MissesCalls(run, "ended");
  }
  v1::RunReturned returned;
  model::Value value;
  if (turn.end_case() == v1::script::Turn::kReturned) {
    returned.set_ok(true);
    value = model::MakeValue(turn.returned().value_json());
    *returned.mutable_value_json() = value.ref;
  } else {
    const v1::script::Thrown& thrown = turn.thrown();
    const std::string name = thrown.name().empty() ? "" : thrown.name() + ": ";
    *returned.mutable_error() = MakeError(CategoryOf(thrown), name + thrown.message());
    returned.set_stack(thrown.stack());
  }
  runs_->Return(run, std::move(returned), std::move(value));
}

// A replay that made fewer calls than the run had made before.
void Turns::MissesCalls(Run* run, const char* what_it_does) {
  runs_->End(
      run, v1::NEEDS_ATTENTION,
      MakeError(v1::INTERNAL, std::string("replay diverged: the script ") + what_it_does +
                                  " after " + std::to_string(run->host.calls_seen) +
                                  " calls, the journal has " + std::to_string(run->nodes.size()) +
                                  ". Its results are kept; resume it as a new run to go on"));
}

void Turns::OnHostGone(const HostGone& gone) {
  Run* run = world_->FindRun(gone.run_id);
  if (run == nullptr || run->host.state != HostLink::State::kActive ||
      run->host.epoch != gone.epoch) {
    return;
  }
  const bool replaying = run->host.finished < run->host.replay_until || !run->host.started;
  const bool busy = !run->host.started || run->host.finished < run->host.fed;
  hosts_->Gone(run);
  ++world_->stats.host_deaths;
  if (run->returned || run->ended()) return;
  // One that only waited says nothing about its script: as if parked, until something arrives.
  if (!busy && !PlantedBug(Bug::kIdleDeathCounts)) return;
  run->host.deaths = run->host.progress_mark == run->last_seq ? run->host.deaths + 1 : 1;
  run->host.progress_mark = run->last_seq;
  // One that could say why has met the same end again if it is repeated; in replay it gets another
  // try.
  const bool hopeless = run->host.deaths >= world_->settings().host_deaths_max;
  if (gone.fatal && (!replaying || run->nodes.empty() || run->host.deaths > 1)) {
    switch (gone.fatal->reason()) {
      case v1::script::Fatal::OUT_OF_MEMORY:
        return runs_->Fail(run, v1::LIMIT,
                           "out of memory: the script needed more than its heap limit of " +
                               std::to_string(run->header.settings().heap_bytes_max() >> 20) +
                               " MiB. " + gone.fatal->message());
      case v1::script::Fatal::TIMEOUT:
        return runs_->Fail(run, v1::TIMEOUT,
                           "Script execution timed out after " +
                               std::to_string(run->header.settings().turn_cpu_ms()) + "ms");
      default:
        if (hopeless)
          return runs_->Fail(run, v1::CRASHED, "the script host failed: " + gone.fatal->message());
    }
  }
  if (hopeless) {
    return runs_->Fail(run, v1::CRASHED,
                       "the script host died " + std::to_string(run->host.deaths) +
                           " times in a row without getting further");
  }
  hosts_->Want(run);
}

}  // namespace odw::core
