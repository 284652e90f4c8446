// The conversions that need no fold: summaries, watch events.
#include <nlohmann/json.hpp>

#include "daemon/model/error_table.h"
#include "daemon/model/run_view.h"
#include "odw/v1/script.pb.h"

namespace odw::model {
namespace {

// The phases that a script's meta announces: strings, or objects with a title.
void AddPlannedPhases(const std::string& meta_json, v1::RunStarted* out) {
  const auto meta = nlohmann::json::parse(meta_json, nullptr, /*allow_exceptions=*/false);
  if (!meta.is_object() || !meta.contains("phases") || !meta["phases"].is_array()) return;
  for (const auto& phase : meta["phases"]) {
    const bool titled = phase.is_object() && phase.contains("title");
    const auto& title = titled ? phase["title"] : phase;
    if (title.is_string()) out->add_phases(title.get<std::string>());
  }
}

void FromCalled(const v1::NodeCalled& called, v1::NodeChanged* out) {
  out->set_ordinal(called.ordinal());
  out->set_state(v1::NODE_QUEUED);
  out->set_label(called.request().label());
  out->set_phase(called.request().phase());
  out->set_runtime(called.request().runtime());
  out->set_model(called.request().model());
}

void FromAttemptStarted(const v1::AttemptStarted& started, v1::NodeChanged* out) {
  out->set_ordinal(started.node());
  out->set_state(v1::NODE_RUNNING);
  out->set_attempt(started.attempt());
  out->set_executor(started.executor_id());
  out->set_runtime(started.runtime());
  out->set_model(started.model());
}

void FromAttemptEnded(const v1::AttemptEnded& ended, v1::NodeChanged* out) {
  out->set_ordinal(ended.node());
  // Whether the node is done or tried again is said by the record that follows.
  if (!ended.discarded()) out->set_state(v1::NODE_RUNNING);
  out->set_attempt(ended.attempt());
  *out->mutable_usage() = ended.usage();
  out->set_model(ended.model());
  if (!ended.ok() && !ended.discarded()) *out->mutable_error() = ended.error();
}

// False for a settlement that is not an agent() call's.
bool FromSettled(const v1::Settled& settled, v1::NodeChanged* out) {
  if (settled.kind() != v1::script::AGENT) return false;
  out->set_ordinal(settled.node());
  out->set_attempt(settled.attempt());
  switch (settled.end()) {
    case v1::END_DONE:
      out->set_state(v1::NODE_DONE);
      return true;
    case v1::END_SKIPPED:
      out->set_state(v1::NODE_SKIPPED);
      return true;
    case v1::END_CACHED:
      out->set_state(v1::NODE_CACHED);
      out->set_model(settled.model());
      return true;
    case v1::END_CANCELLED:
      out->set_state(v1::NODE_CANCELLED);
      return true;
    default:
      break;
  }
  out->set_state(v1::NODE_FAILED);
  if (!settled.error_message().empty()) {
    out->mutable_error()->set_message(settled.error_message());
    out->mutable_error()->set_category(CategoryFromName(settled.error_code().c_str()));
  }
  return true;
}

void FromLine(const v1::ScriptLine& line, v1::WatchEvent* out) {
  if (line.kind() == v1::script::Line::PHASE) {
    out->mutable_phase()->set_title(line.text());
    return;
  }
  out->mutable_log()->set_text(line.text());
  out->mutable_log()->set_warning(line.kind() == v1::script::Line::WARNING);
}

void AddCensus(const v1::RunSummary& summary,
               google::protobuf::RepeatedPtrField<v1::CategoryCount>* out) {
  for (int i = 0; i < summary.census_size(); ++i) {
    if (summary.census(i) == 0) continue;
    v1::CategoryCount* entry = out->Add();
    entry->set_category(static_cast<v1::ErrorCategory>(i));
    entry->set_count(summary.census(i));
  }
}

void FromEnded(const v1::RunEndedRecord& ended, const v1::RunSummary* summary, v1::RunEnded* out) {
  out->set_state(ended.state());
  out->set_health(ended.health());
  if (ended.has_error()) *out->mutable_error() = ended.error();
  if (summary != nullptr) AddCensus(*summary, out->mutable_census());
}

}  // namespace

v1::Run RunFromSummary(const v1::RunSummary& summary) {
  v1::Run run;
  run.set_run_id(summary.run_id());
  run.set_name(summary.name());
  run.set_description(summary.description());
  run.set_owner(summary.owner());
  run.set_state(summary.state());
  run.set_health(summary.health());
  if (summary.has_error()) *run.mutable_error() = summary.error();
  run.set_submitted_unix_ms(summary.submitted_unix_ms());
  run.set_ended_unix_ms(summary.ended_unix_ms());
  v1::NodeCounts* nodes = run.mutable_nodes();
  nodes->set_total(summary.nodes_total());
  nodes->set_queued(summary.nodes_queued());
  nodes->set_backoff(summary.nodes_backoff());
  nodes->set_running(summary.nodes_running());
  nodes->set_done(summary.nodes_done());
  nodes->set_failed(summary.nodes_failed());
  nodes->set_skipped(summary.nodes_skipped());
  nodes->set_cached(summary.nodes_cached());
  nodes->set_blocked(summary.nodes_blocked());
  nodes->set_cancelled(summary.nodes_cancelled());
  if (summary.has_usage()) *run.mutable_usage() = summary.usage();
  AddCensus(summary, run.mutable_census());
  *run.mutable_waiting_for() = summary.waiting_for();
  run.set_current_phase(summary.current_phase());
  *run.mutable_phases() = summary.phases();
  run.set_script_name(summary.script_name());
  run.set_last_event(summary.last_event());
  run.set_re_executed(summary.re_executed());
  run.set_re_executed_tokens(summary.re_executed_tokens());
  if (summary.has_result()) *run.mutable_result() = summary.result();
  run.set_dialect(summary.dialect());
  run.set_meta_json(summary.meta_json());
  run.set_resumed_from(summary.resumed_from());
  if (summary.has_saved_usage()) *run.mutable_saved_usage() = summary.saved_usage();
  run.set_overshoot_tokens(summary.overshoot_tokens());
  run.set_overshoot_micros(summary.overshoot_micros());
  return run;
}

v1::RunSummary SummaryFromRun(const v1::Run& run) {
  v1::RunSummary summary;
  summary.set_run_id(run.run_id());
  summary.set_name(run.name());
  summary.set_description(run.description());
  summary.set_owner(run.owner());
  summary.set_state(run.state());
  summary.set_health(run.health());
  if (run.has_error()) *summary.mutable_error() = run.error();
  summary.set_submitted_unix_ms(run.submitted_unix_ms());
  summary.set_ended_unix_ms(run.ended_unix_ms());
  const v1::NodeCounts& nodes = run.nodes();
  summary.set_nodes_total(nodes.total());
  summary.set_nodes_queued(nodes.queued());
  summary.set_nodes_backoff(nodes.backoff());
  summary.set_nodes_running(nodes.running());
  summary.set_nodes_done(nodes.done());
  summary.set_nodes_failed(nodes.failed());
  summary.set_nodes_skipped(nodes.skipped());
  summary.set_nodes_cached(nodes.cached());
  summary.set_nodes_blocked(nodes.blocked());
  summary.set_nodes_cancelled(nodes.cancelled());
  if (run.has_usage()) *summary.mutable_usage() = run.usage();
  for (const v1::CategoryCount& entry : run.census()) {
    while (summary.census_size() <= entry.category()) summary.add_census(0);
    summary.set_census(entry.category(), entry.count());
  }
  *summary.mutable_waiting_for() = run.waiting_for();
  summary.set_current_phase(run.current_phase());
  *summary.mutable_phases() = run.phases();
  summary.set_script_name(run.script_name());
  summary.set_last_event(run.last_event());
  summary.set_re_executed(run.re_executed());
  summary.set_re_executed_tokens(run.re_executed_tokens());
  if (run.has_result()) *summary.mutable_result() = run.result();
  summary.set_dialect(run.dialect());
  summary.set_meta_json(run.meta_json());
  summary.set_resumed_from(run.resumed_from());
  if (run.has_saved_usage()) *summary.mutable_saved_usage() = run.saved_usage();
  summary.set_overshoot_tokens(run.overshoot_tokens());
  summary.set_overshoot_micros(run.overshoot_micros());
  return summary;
}

bool IsEnded(v1::RunState state) {
  return state == v1::COMPLETED || state == v1::FAILED || state == v1::KILLED ||
         state == v1::NEEDS_ATTENTION;
}

std::optional<v1::WatchEvent> ToWatchEvent(uint64_t seq, const v1::Event& event,
                                           const v1::RunSummary* summary) {
  v1::WatchEvent out;
  out.set_number(seq);
  out.set_unix_ms(event.unix_ms());
  switch (event.body_case()) {
    case v1::Event::kSubmitted:
      out.mutable_run_started()->set_name(event.submitted().name());
      out.mutable_run_started()->set_description(event.submitted().description());
      AddPlannedPhases(event.submitted().meta_json(), out.mutable_run_started());
      break;
    case v1::Event::kCalled:
      if (event.called().kind() != v1::script::AGENT) return std::nullopt;
      FromCalled(event.called(), out.mutable_node());
      break;
    case v1::Event::kAttemptStarted:
      FromAttemptStarted(event.attempt_started(), out.mutable_node());
      break;
    case v1::Event::kAttemptEnded:
      FromAttemptEnded(event.attempt_ended(), out.mutable_node());
      break;
    case v1::Event::kSettled:
      if (!FromSettled(event.settled(), out.mutable_node())) return std::nullopt;
      break;
    case v1::Event::kRequeued: {
      const bool waits = event.requeued().not_before_unix_ms() > event.unix_ms();
      out.mutable_node()->set_ordinal(event.requeued().node());
      out.mutable_node()->set_state(waits ? v1::NODE_BACKOFF : v1::NODE_QUEUED);
      break;
    }
    case v1::Event::kBlocked:
      out.mutable_node()->set_ordinal(event.blocked().node());
      out.mutable_node()->set_state(v1::NODE_BLOCKED);
      out.mutable_node()->mutable_error()->set_message(event.blocked().why());
      break;
    case v1::Event::kLine:
      FromLine(event.line(), &out);
      break;
    case v1::Event::kEnded:
      FromEnded(event.ended(), summary, out.mutable_run_ended());
      break;
    case v1::Event::kLateUsage:
      out.mutable_node()->set_ordinal(event.late_usage().node());
      out.mutable_node()->set_attempt(event.late_usage().attempt());
      *out.mutable_node()->mutable_usage() = event.late_usage().usage();
      break;
    case v1::Event::kPaused:
      out.mutable_state()->set_state(v1::PAUSED);
      out.mutable_state()->set_why(event.paused().why());
      break;
    case v1::Event::kUnpaused:
      out.mutable_state()->set_state(v1::RUNNING);
      out.mutable_state()->set_why("by " + event.unpaused().by());
      break;
    case v1::Event::kRestarted:
      out.mutable_node()->set_ordinal(event.restarted().node());
      out.mutable_node()->set_state(v1::NODE_QUEUED);
      break;
    case v1::Event::kReturned:
    case v1::Event::kStopRequested:
    case v1::Event::kBudgetChanged:
    case v1::Event::kSession:
    case v1::Event::BODY_NOT_SET:
      return std::nullopt;
  }
  return out;
}

}  // namespace odw::model
