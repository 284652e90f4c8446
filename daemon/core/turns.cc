#include "daemon/core/turns.h"

#include <algorithm>
#include <optional>

#include "daemon/base/ids.h"
#include "daemon/core/call.h"
#include "daemon/core/planted_bug.h"
#include "daemon/core/reuse.h"
#include "daemon/model/utf8.h"

namespace odw::core {
namespace {

constexpr size_t kLineBytesMax = 16 << 10;
constexpr size_t kShownBytesMax = 100;  // of a prompt, in an error
constexpr uint64_t kLargeAgents = 25;

// A call in a few words.
std::string Described(const v1::script::Call& call) {
  if (call.kind() == v1::script::TIMER) return "setTimeout()";
  if (call.kind() == v1::script::WORKFLOW) return "workflow('" + call.name() + call.script_path() + "')";
  v1::AgentRequest made;
  made.ParseFromString(call.request());
  return "agent('" + std::string(model::CutUtf8(made.prompt(), kShownBytesMax)) + "')";
}

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
  if (run->host.finished < run->host.fed) return;
  hosts_->Quiet(run);
  if (run->host.fed == run->settlements.size()) CheckDeadlock(run);  // else they are held
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
  // A settled node's request is no longer in memory; whoever reads the journal sees it.
  runs_->End(
      run, v1::NEEDS_ATTENTION,
      MakeError(v1::INTERNAL, "replay diverged at " + NodeName(expected) +
                                  ": the journal has another call there (odwctl status " + run->id() +
                                  " --nodes shows it), the script now calls " + Described(call) +
                                  ". Its results are kept; resume it as a new run to go on"));
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

  if (run->nodes.size() >= world_->settings().calls_max) {
    return runs_->Fail(run, v1::LIMIT,
                       "the script has made " + std::to_string(run->nodes.size()) +
                           " calls, the most that a run may make (calls_max)");
  }
  CallRecord record = RecordOf(call, *run, world_->now_ms());
  if (!record.warning.empty()) {
    v1::Event warning;
    warning.mutable_line()->set_kind(v1::script::Line::WARNING);
    warning.mutable_line()->set_text(std::move(record.warning));
    world_->Emit(run, std::move(warning));
  }
  const std::string refused = record.called.refused();
  v1::Event event;
  *event.mutable_called() = std::move(record.called);
  world_->Emit(run, std::move(event), std::move(record.values));
  ++run->live.unsettled;

  const NodeId id = run->nodes.size();
  if (!refused.empty()) {
    runs_->Refuse(run, id, "invalid_request", refused);
  } else if (call.kind() == v1::script::AGENT) {
    OnAgentCall(run, id);
  } else if (call.kind() == v1::script::TIMER) {
    world_->WakeAt(absl::FromUnixMillis(run->node(id).due_ms), Alarm::Kind::kNodeDue, run->id(), id);
  } else {
    runs_->FindWorkflowOf(run, id);
  }
}

void Turns::OnWorkflowFound(WorkflowFound found) {
  Run* run = world_->FindRun(found.run_id);
  if (run == nullptr || run->ended() || run->returned) return;
  if (found.node == 0 || found.node > run->nodes.size()) return;
  const bool answered = run->node(found.node).phase != NodePhase::kLookup;
  if (answered && !PlantedBug(Bug::kLookupAnsweredTwice)) return;
  if (!found.ok) return runs_->Refuse(run, found.node, "", found.message);
  v1::Settled settled;
  settled.set_outcome(v1::Settled::RESOLVE_JSON);
  settled.set_end(v1::END_DONE);
  runs_->Settle(run, found.node, std::move(settled),
                model::MakeValue(std::move(found.value_json)));
}

// SPEC J7: advice, once a run.
void Turns::WarnOfSize(Run* run) {
  if (run->agents_called != kLargeAgents + 1) return;
  v1::Event warning;
  warning.mutable_line()->set_kind(v1::script::Line::WARNING);
  warning.mutable_line()->set_text("a large workflow: this is its agent call number " +
                                   std::to_string(run->agents_called) +
                                   "; --max-tokens, --max-cost and --budget bound what it may spend");
  world_->Emit(run, std::move(warning));
}

void Turns::OnAgentCall(Run* run, NodeId id) {
  WarnOfSize(run);
  if (PlantedBug(Bug::kRefusedBeforeReuse) && RefuseAgent(run, id)) return;
  // Before any cap or budget: an answer that is there costs nothing (SPEC G6).
  if (std::optional<Reused> reused = FindReused(run, id)) {
    return runs_->Settle(run, id, std::move(reused->settled), std::move(reused->value));
  }
  if (!RefuseAgent(run, id)) scheduler_->Enqueue(run, id);
}

// Cap (SPEC J3) and budget (G4).
bool Turns::RefuseAgent(Run* run, NodeId id) {
  const v1::RunSettings& settings = run->header.settings();
  if (run->agents_called > settings.agents_max()) {
    runs_->Refuse(run, id, "limit",
           "Workflow agent() call cap reached (" + std::to_string(settings.agents_max()) + ")");
    return true;
  }
  if (settings.has_budget_total() && run->budget_spent >= settings.budget_total()) {
    runs_->Refuse(run, id, "budget",
           "Workflow budget exhausted: " +
               std::to_string(static_cast<int64_t>(run->budget_spent)) + " of " +
               std::to_string(static_cast<int64_t>(settings.budget_total())) + " tokens");
    return true;
  }
  return false;
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
  runs_->Fail(run, v1::DEADLOCK,
              "workflow is deadlocked: it waits, and no agent, timer or child is pending. Look for "
              "an await "
              "of a promise that nothing settles");
}

v1::ErrorCategory Turns::CategoryOf(const v1::script::Thrown& thrown) {
  if (thrown.category() == "timeout") return v1::TIMEOUT;
  if (thrown.category() == "out_of_memory") return v1::LIMIT;
  if (thrown.category() == "result_not_serializable") return v1::RESULT_NOT_SERIALIZABLE;
  if (thrown.category() == "result_too_large") return v1::OUTPUT_TOO_LARGE;
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
