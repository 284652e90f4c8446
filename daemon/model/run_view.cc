#include "daemon/model/run_view.h"

#include <algorithm>
#include <map>
#include <set>

#include "daemon/base/ids.h"
#include "daemon/model/error_table.h"
#include "odw/v1/script.pb.h"

namespace odw::model {
namespace {

v1::NodeState StateOf(v1::NodeEnd end) {
  switch (end) {
    case v1::END_DONE:
      return v1::NODE_DONE;
    case v1::END_SKIPPED:
      return v1::NODE_SKIPPED;
    case v1::END_CACHED:
      return v1::NODE_CACHED;
    case v1::END_CANCELLED:
      return v1::NODE_CANCELLED;
    default:
      return v1::NODE_FAILED;
  }
}

void Count(v1::NodeState state, v1::NodeCounts* counts) {
  counts->set_total(counts->total() + 1);
  switch (state) {
    case v1::NODE_RUNNING:
      counts->set_running(counts->running() + 1);
      break;
    case v1::NODE_DONE:
      counts->set_done(counts->done() + 1);
      break;
    case v1::NODE_FAILED:
      counts->set_failed(counts->failed() + 1);
      break;
    case v1::NODE_SKIPPED:
      counts->set_skipped(counts->skipped() + 1);
      break;
    case v1::NODE_CACHED:
      counts->set_cached(counts->cached() + 1);
      break;
    case v1::NODE_BLOCKED:
      counts->set_blocked(counts->blocked() + 1);
      break;
    case v1::NODE_CANCELLED:
      counts->set_cancelled(counts->cancelled() + 1);
      break;
    default:
      if (state == v1::NODE_BACKOFF) counts->set_backoff(counts->backoff() + 1);
      counts->set_queued(counts->queued() + 1);
      break;  // backoff waits in the queue too
  }
}

// Who was asked: "claude opus", "bamboo kimi kimi-k2.6".
std::string TargetOf(const v1::Node& node) {
  std::string target = node.runtime();
  for (const std::string& part : {node.provider(), node.model()}) {
    if (!part.empty()) target += " " + part;
  }
  return target;
}

bool IsSettled(v1::NodeState state) {
  return state == v1::NODE_DONE || state == v1::NODE_FAILED || state == v1::NODE_SKIPPED ||
         state == v1::NODE_CACHED || state == v1::NODE_CANCELLED;
}

// A refusal has no attempt whose error could be shown.
v1::Error ErrorOfSettlement(const v1::Settled& settled) {
  v1::Error error;
  error.set_message(settled.error_message());
  const v1::ErrorCategory named = CategoryFromName(settled.error_code().c_str());
  if (named != v1::ERROR_CATEGORY_UNSPECIFIED) {
    error.set_category(named);
  } else {
    error.set_category(settled.end() == v1::END_REFUSED ? v1::LIMIT : v1::INTERNAL);
  }
  return error;
}

}  // namespace

v1::Node* RunView::FindNode(uint64_t ordinal) {
  const auto found = index_of_.find(ordinal);
  return found == index_of_.end() ? nullptr : run_.mutable_node(found->second);
}

void RunView::Apply(uint64_t seq, const v1::Event& event) {
  run_.set_last_event(seq);
  const int64_t at = event.unix_ms();
  switch (event.body_case()) {
    case v1::Event::kSubmitted:
      header_ = event.submitted();
      run_.set_submitted_unix_ms(at);
      break;
    case v1::Event::kCalled:
      OnCalled(at, event.called());
      break;
    case v1::Event::kAttemptStarted:
      OnAttemptStarted(at, event.attempt_started());
      break;
    case v1::Event::kAttemptEnded:
      OnAttemptEnded(event.attempt_ended());
      break;
    case v1::Event::kSettled:
      OnSettled(at, event.settled());
      break;
    case v1::Event::kRequeued:
      OnRequeued(at, event.requeued());
      break;
    case v1::Event::kBlocked:
      OnBlocked(event.blocked());
      break;
    case v1::Event::kLine:
      OnLine(event.line());
      break;
    case v1::Event::kReturned:
      if (event.returned().ok()) *run_.mutable_result() = event.returned().value_json();
      break;
    case v1::Event::kEnded:
      OnEnded(at, event.ended());
      break;
    case v1::Event::kLateUsage:
      AddUsage(event.late_usage().usage(), run_.mutable_usage());
      if (v1::Node* node = FindNode(event.late_usage().node())) {
        AddUsage(event.late_usage().usage(), node->mutable_usage());
      }
      break;
    case v1::Event::kPaused:
      run_.set_state(v1::PAUSED);
      paused_why_ = event.paused().why();
      break;
    case v1::Event::kUnpaused:
      run_.clear_state();
      break;
    case v1::Event::kRestarted:
      OnRestarted(event.restarted());
      break;
    case v1::Event::kStopRequested:
    case v1::Event::kBudgetChanged:
    case v1::Event::kSession:
    case v1::Event::BODY_NOT_SET:
      break;
  }
}

void RunView::OnCalled(int64_t unix_ms, const v1::NodeCalled& called) {
  if (called.kind() != v1::script::AGENT) return;
  index_of_[called.ordinal()] = run_.node_size();
  v1::Node* node = run_.add_node();
  const v1::AgentRequest& request = called.request();
  node->set_ordinal(called.ordinal());
  node->set_state(v1::NODE_QUEUED);
  node->set_label(request.label());
  node->set_phase(request.phase());
  node->set_runtime(request.runtime());
  node->set_provider(request.provider());
  node->set_model(request.model());
  node->set_called_unix_ms(unix_ms);
  *node->mutable_prompt() = called.prompt();
  node->set_scope(called.scope());
  node->set_command(request.command());
  *node->mutable_args() = request.args();
  node->set_agent_type(request.agent_type());
  node->set_permission(request.permission());
  node->set_isolation(request.isolation());
  node->set_effort(request.effort());
  if (request.fallback_size() > 0) with_fallback_.insert(called.ordinal());
}

void RunView::OnAttemptStarted(int64_t unix_ms, const v1::AttemptStarted& started) {
  v1::Node* node = FindNode(started.node());
  if (node == nullptr) return;
  if (!IsSettled(node->state())) node->set_state(v1::NODE_RUNNING);
  node->set_attempts(std::max(node->attempts(), started.attempt()));
  node->set_executor(started.executor_id());
  // As assigned: a fallback may differ from the call's.
  if (!started.runtime().empty()) {
    node->set_runtime(started.runtime());
    // Whom a call asked for stays to be seen where another runtime answers for all of them.
    const bool forced = header_ && !header_->settings().forced_runtime().empty();
    if (!forced) node->set_provider(started.provider());
    node->set_model(started.model());
  }
  node->set_started_unix_ms(unix_ms);
  blocked_why_.erase(started.node());
}

void RunView::OnAttemptEnded(const v1::AttemptEnded& ended) {
  AddUsage(ended.usage(), run_.mutable_usage());
  if (ended.re_executed()) {
    run_.set_re_executed(run_.re_executed() + 1);
    run_.set_re_executed_tokens(run_.re_executed_tokens() + TokensOf(ended.usage()));
  }
  v1::Node* node = FindNode(ended.node());
  if (node == nullptr) return;
  AddUsage(ended.usage(), node->mutable_usage());
  if (ended.discarded()) return;
  if (!ended.model().empty()) node->set_model(ended.model());
  if (!ended.provider().empty()) node->set_provider(ended.provider());
  // What a failed attempt left in its worktree is kept and can be looked at.
  if (ended.has_worktree()) *node->mutable_worktree() = ended.worktree();
  if (!ended.ok()) {
    *node->mutable_error() = ended.error();
    if (node->attempt_errors_size() >= kAttemptErrorsMax) return;
    v1::Error* error = node->add_attempt_errors();
    *error = ended.error();
    if (with_fallback_.contains(ended.node())) {
      error->set_message(TargetOf(*node) + ": " + error->message());
    }
    return;
  }
  successes_[ended.node()] = {.attempt = ended.attempt(),
                              .value = ended.value(),
                              .is_json = ended.value_is_json(),
                              .started_unix_ms = ended.started_unix_ms(),
                              .ended_unix_ms = ended.ended_unix_ms(),
                              .worktree = ended.worktree(),
                              .schema_path = ended.schema_path(),
                              .repair_turns = ended.repair_turns(),
                              .not_enforced = {ended.not_enforced().begin(),
                                               ended.not_enforced().end()}};
}

void RunView::FillFrom(Success success, v1::Node* node) {
  *node->mutable_result() = std::move(success.value);
  node->set_result_is_json(success.is_json);
  if (success.started_unix_ms > 0) node->set_started_unix_ms(success.started_unix_ms);
  if (success.ended_unix_ms > 0) node->set_ended_unix_ms(success.ended_unix_ms);
  if (!success.worktree.repository().empty()) {
    *node->mutable_worktree() = std::move(success.worktree);
  }
  node->set_schema_path(success.schema_path);
  node->set_repair_turns(success.repair_turns);
  node->mutable_not_enforced()->Assign(success.not_enforced.begin(), success.not_enforced.end());
}

void RunView::OnSettled(int64_t unix_ms, const v1::Settled& settled) {
  v1::Node* node = FindNode(settled.node());
  if (node == nullptr) return;
  node->set_state(StateOf(settled.end()));
  node->set_ended_unix_ms(unix_ms);
  blocked_why_.erase(settled.node());
  const auto success = successes_.find(settled.node());
  if (success != successes_.end() && success->second.attempt == settled.attempt()) {
    FillFrom(std::move(success->second), node);
  } else if (settled.has_value()) {
    *node->mutable_result() = settled.value();
    node->set_result_is_json(settled.outcome() == v1::Settled::RESOLVE_JSON);
  }
  successes_.erase(settled.node());
  if (node->state() == v1::NODE_CACHED) OnReused(settled, node);
  if (node->state() != v1::NODE_FAILED) {
    node->clear_error();  // of attempts before the one that counted
  } else if (!node->has_error()) {
    *node->mutable_error() = ErrorOfSettlement(settled);
  }
}

void RunView::OnReused(const v1::Settled& settled, v1::Node* node) {
  node->set_cached_from_run(settled.from_run());
  node->set_cached_from_node(settled.from_node());
  if (!settled.model().empty()) node->set_model(settled.model());
  // What an equal call of this very run had cost is in its usage already.
  if (header_ && settled.from_run() == header_->resumed_from()) {
    AddUsage(settled.saved_usage(), run_.mutable_saved_usage());
  }
}

void RunView::OnRequeued(int64_t unix_ms, const v1::NodeRequeued& requeued) {
  v1::Node* node = FindNode(requeued.node());
  if (node == nullptr || IsSettled(node->state())) return;
  const bool waits = requeued.not_before_unix_ms() > unix_ms;
  node->set_state(waits ? v1::NODE_BACKOFF : v1::NODE_QUEUED);
  blocked_why_.erase(requeued.node());
}

void RunView::OnBlocked(const v1::NodeBlocked& blocked) {
  v1::Node* node = FindNode(blocked.node());
  if (node == nullptr || IsSettled(node->state())) return;
  node->set_state(v1::NODE_BLOCKED);
  blocked_why_[blocked.node()] = blocked.why();
}

void RunView::OnRestarted(const v1::NodeRestarted& restarted) {
  v1::Node* node = FindNode(restarted.node());
  if (node == nullptr || IsSettled(node->state())) return;
  node->set_state(v1::NODE_QUEUED);
  node->clear_error();
  successes_.erase(restarted.node());  // fenced
  blocked_why_.erase(restarted.node());
}

void RunView::OnLine(const v1::ScriptLine& line) {
  if (line.kind() == v1::script::Line::PHASE) {
    run_.set_current_phase(line.text());
    const auto& phases = run_.phases();
    if (std::find(phases.begin(), phases.end(), line.text()) == phases.end()) {
      run_.add_phases(line.text());
    }
    return;
  }
  log_.push_back(line.text());
  if (log_.size() > kLogTailLines) log_.pop_front();
}

void RunView::OnEnded(int64_t unix_ms, const v1::RunEndedRecord& ended) {
  run_.set_state(ended.state());
  run_.set_health(ended.health());
  if (ended.has_error()) *run_.mutable_error() = ended.error();
  run_.set_ended_unix_ms(unix_ms);
  blocked_why_.clear();
  // What had not settled by now never will.
  for (v1::Node& node : *run_.mutable_node()) {
    if (IsSettled(node.state())) continue;
    node.set_state(v1::NODE_CANCELLED);
    node.set_ended_unix_ms(unix_ms);
  }
}

v1::Run RunView::Build() const {
  v1::Run run = run_;
  if (header_) {
    run.set_run_id(header_->run_id());
    run.set_name(header_->name());
    run.set_description(header_->description());
    run.set_owner(header_->owner());
    run.set_script_name(header_->script_name());
    run.set_dialect(header_->dialect());
    run.set_meta_json(header_->meta_json());
    run.set_resumed_from(header_->resumed_from());
    run.set_budget_total(header_->settings().budget_total());
  }
  std::map<int, uint32_t> census;
  for (const v1::Node& node : run.node()) {
    Count(node.state(), run.mutable_nodes());
    if (node.state() == v1::NODE_FAILED) ++census[node.error().category()];
  }
  for (const auto& [category, count] : census) {
    v1::CategoryCount* entry = run.add_census();
    entry->set_category(static_cast<v1::ErrorCategory>(category));
    entry->set_count(count);
  }
  if (!IsEnded(run.state())) {
    if (run.state() == v1::PAUSED) run.add_waiting_for("paused: " + paused_why_);
    if (run.state() != v1::PAUSED) run.set_state(v1::RUNNING);
    run.set_health(census.empty() ? v1::OK : v1::DEGRADED);
  }
  std::set<std::string> waits;
  for (const auto& [ordinal, why] : blocked_why_) waits.insert("blocked: " + why);
  for (const std::string& wait : waits) run.add_waiting_for(wait);
  for (const std::string& line : log_) run.add_log(line);
  return run;
}

}  // namespace odw::model
