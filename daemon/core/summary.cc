#include "daemon/core/summary.h"

#include "daemon/core/budget.h"

namespace odw::core {

v1::RunSummary Summarize(const Run& run, const Scheduler& scheduler) {
  v1::RunSummary summary;
  const v1::RunSubmitted& header = run.header;
  summary.set_schema(1);
  summary.set_run_id(header.run_id());
  summary.set_owner(header.owner());
  summary.set_name(header.name());
  summary.set_description(header.description());
  summary.set_script_name(header.script_name());
  summary.set_meta_json(header.meta_json());
  summary.set_dialect(header.dialect());
  summary.set_idempotency_key(header.idempotency_key());
  summary.set_body_sha256(header.body_sha256());
  summary.set_state(run.state);
  summary.set_health(run.health);
  if (run.ended() && run.state != v1::COMPLETED) *summary.mutable_error() = run.error;
  summary.set_submitted_unix_ms(run.submitted_ms);
  summary.set_ended_unix_ms(run.ended_ms);
  summary.set_last_event(run.last_seq);
  summary.set_nodes_total(run.counts.total);
  // Once a run has ended, what had not is cancelled.
  const uint32_t open = run.counts.queued + run.counts.running + run.counts.blocked;
  summary.set_nodes_queued(run.ended() ? 0 : run.counts.queued);
  summary.set_nodes_backoff(run.ended() ? 0 : run.counts.backoff);
  summary.set_nodes_running(run.ended() ? 0 : run.counts.running);
  summary.set_nodes_blocked(run.ended() ? 0 : run.counts.blocked);
  summary.set_nodes_cancelled(run.counts.cancelled + (run.ended() ? open : 0));
  summary.set_nodes_done(run.counts.done);
  summary.set_nodes_failed(run.counts.failed);
  summary.set_nodes_skipped(run.counts.skipped);
  summary.set_nodes_cached(run.counts.cached);
  *summary.mutable_usage() = run.usage;
  summary.mutable_census()->Add(run.census.begin(), run.census.end());
  summary.set_current_phase(run.current_phase);
  summary.mutable_phases()->Add(run.phases.begin(), run.phases.end());
  summary.set_re_executed(run.re_executed);
  summary.set_re_executed_tokens(run.re_executed_tokens);
  if (run.state == v1::COMPLETED && run.returned) *summary.mutable_result() = run.returned->value_json();
  summary.set_overshoot_tokens(OvershootOf(run));
  summary.set_overshoot_micros(OvershootMicrosOf(run));
  summary.set_usage_day(run.usage_day);
  if (run.day_usage.ByteSizeLong() > 0) *summary.mutable_day_usage() = run.day_usage;
  summary.set_resumed_from(header.resumed_from());
  if (run.counts.cached > 0) *summary.mutable_saved_usage() = run.saved_usage;
  if (run.paused()) {
    summary.add_waiting_for("paused: " + run.paused_why);
  } else if (!run.ended() && run.counts.queued > 0) {
    for (std::string& reason : scheduler.WaitingFor(run)) summary.add_waiting_for(std::move(reason));
  }
  if (!run.ended() && run.counts.blocked > 0) summary.add_waiting_for("blocked: host lost");
  return summary;
}

}  // namespace odw::core
