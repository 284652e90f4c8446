#include "daemon/core/world.h"

#include "daemon/base/check.h"
#include "daemon/core/apply.h"

namespace odw::core {

Run* World::FindRun(const std::string& run_id) {
  const auto found = runs.find(run_id);
  return found == runs.end() ? nullptr : found->second.get();
}

Executor* World::FindExecutor(const std::string& executor_id) {
  const auto found = executors.find(executor_id);
  return found == executors.end() ? nullptr : found->second.get();
}

void World::Emit(Run* run, v1::Event event, std::vector<model::Value> values) {
  event.set_schema(1);
  event.set_unix_ms(now_ms());
  // The core's own events always fit its state: anything else is a bug, and writing it would be worse.
  ODW_CHECK(Apply(event, run).ok());
  ChargeDay(*run, event);
  Append append{.run_id = run->id(), .seq = run->last_seq};
  event.SerializeToString(&append.bytes);
  for (model::Value& value : values) {
    if (!value.is_inline()) append.values.push_back(std::move(value));
  }
  MarkDirty(run);
  Do(std::move(append));
}

void World::ChargeDay(const Run& run, const v1::Event& event) {
  if (event.has_late_usage()) day.Charge(run.usage_day, event.late_usage().usage());
  if (!event.has_attempt_ended()) return;
  const v1::AttemptEnded& ended = event.attempt_ended();
  day.Charge(run.usage_day, ended.usage());
  const Node& node = run.node(ended.node());
  if (node.details) day.Learn(EstimateKey(node.details->request), ended.usage());
}

void World::WakeAt(absl::Time at, Alarm::Kind kind, const std::string& subject, NodeId node) {
  alarms.push(Alarm{.at = at, .kind = kind, .subject = subject, .node = node, .serial = ++last_alarm_});
}

void World::MarkDirty(Run* run) {
  if (run->live.dirty) return;
  run->live.dirty = true;
  dirty.push_back(run);
}

}  // namespace odw::core
