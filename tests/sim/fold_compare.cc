#include "tests/sim/fold_compare.h"

namespace odw::sim {
namespace {

using core::Node;
using core::NodePhase;
using core::Run;

NodePhase Normal(const Node& node, int64_t now_ms) {
  return node.phase == NodePhase::kBackoff && node.due_ms <= now_ms ? NodePhase::kQueued
                                                                    : node.phase;
}

std::string AttemptDifference(const core::Attempt& a, const core::Attempt& b) {
  if (a.number != b.number || a.token != b.token) return "token";
  if (a.executor_id != b.executor_id || a.executor_pid != b.executor_pid) return "executor";
  if (a.repeatable != b.repeatable) return "repeatable";
  if (a.reserved_tokens != b.reserved_tokens || a.reserved_micros != b.reserved_micros)
    return "reservation";
  if (a.live != b.live || a.fenced != b.fenced) return "live";
  return "";
}

std::string NodeDifference(const Node& a, const Node& b, int64_t now_ms) {
  if (a.kind != b.kind || a.fingerprint != b.fingerprint) return "call";
  if (Normal(a, now_ms) != Normal(b, now_ms)) {
    return "phase " + std::to_string(static_cast<int>(a.phase)) + " against " +
           std::to_string(static_cast<int>(b.phase));
  }
  if (a.due_ms != b.due_ms) return "due_ms";
  if (a.settled_seq != b.settled_seq) return "settled_seq";
  if (a.attempts_started != b.attempts_started || a.tries_failed != b.tries_failed) return "tries";
  if (a.last_error != b.last_error) return "last_error";
  if (a.spent != b.spent || a.waited_ms != b.waited_ms) return "spent or waited_ms";
  if ((a.answer == nullptr) != (b.answer == nullptr)) return "answer";
  if ((a.details == nullptr) != (b.details == nullptr)) return "details";
  if (a.attempts.size() != b.attempts.size()) return "number of attempts";
  for (size_t i = 0; i < a.attempts.size(); ++i) {
    const std::string difference = AttemptDifference(a.attempts[i], b.attempts[i]);
    if (!difference.empty()) return "attempt " + std::to_string(i + 1) + ", " + difference;
  }
  return "";
}

std::string SettlementDifference(const core::Settlement& a, const core::Settlement& b) {
  if (a.node != b.node || a.outcome != b.outcome) return "node or outcome";
  if (a.value.ref.SerializeAsString() != b.value.ref.SerializeAsString()) return "value";
  if (a.budget_spent != b.budget_spent) return "budget_spent";
  if ((a.rejection == nullptr) != (b.rejection == nullptr)) return "rejection";
  if (a.rejection && a.rejection->message != b.rejection->message) return "rejection";
  return "";
}

std::string CountsDifference(const Run& a, const Run& b) {
  const core::Counts &x = a.counts, &y = b.counts;
  if (x.total != y.total) return "total";
  if (x.queued != y.queued) return "queued";
  if (x.running != y.running) return "running";
  if (x.blocked != y.blocked) return "blocked";
  if (x.done != y.done || x.failed != y.failed || x.cancelled != y.cancelled) return "ends";
  if (x.skipped != y.skipped || x.cached != y.cached) return "skips";
  if (a.census != b.census) return "census";
  return "";
}

}  // namespace

std::string FirstDifference(const Run& a, const Run& b, int64_t now_ms) {
  if (a.last_seq != b.last_seq) return "last_seq";
  if (a.state != b.state || a.health != b.health || a.ended_ms != b.ended_ms) return "state";
  if (a.returned.has_value() != b.returned.has_value() || a.returned_ms != b.returned_ms)
    return "returned";
  if (a.nodes.size() != b.nodes.size()) return "number of nodes";
  for (core::NodeId id = 1; id <= a.nodes.size(); ++id) {
    const std::string difference = NodeDifference(a.node(id), b.node(id), now_ms);
    if (!difference.empty()) return "n" + std::to_string(id) + ": " + difference;
  }
  if (a.settlements.size() != b.settlements.size()) return "number of settlements";
  for (size_t i = 0; i < a.settlements.size(); ++i) {
    const std::string difference = SettlementDifference(a.settlements[i], b.settlements[i]);
    if (!difference.empty()) return "settlement " + std::to_string(i + 1) + ": " + difference;
  }
  if (const std::string difference = CountsDifference(a, b); !difference.empty()) {
    return "counts: " + difference;
  }
  if (a.usage.SerializeAsString() != b.usage.SerializeAsString()) return "usage";
  if (a.budget_spent != b.budget_spent) return "budget_spent";
  if (a.re_executed != b.re_executed || a.re_executed_tokens != b.re_executed_tokens)
    return "re_executed";
  if (a.estimates.size() != b.estimates.size()) return "estimates";
  for (const auto& [key, estimate] : a.estimates) {
    const auto found = b.estimates.find(key);
    if (found == b.estimates.end() || found->second.tokens != estimate.tokens ||
        found->second.micros != estimate.micros) {
      return "estimates";
    }
  }
  if (a.held != b.held || a.paused_why != b.paused_why) return "what is held";
  if (a.paused_until_ms != b.paused_until_ms) return "paused_until_ms";
  if (a.usage_day != b.usage_day ||
      a.day_usage.SerializeAsString() != b.day_usage.SerializeAsString()) {
    return "the day's usage";
  }
  if (a.late_spent != b.late_spent) return "late_spent";
  if (a.saved_usage.SerializeAsString() != b.saved_usage.SerializeAsString()) return "saved_usage";
  if (a.occurrences != b.occurrences || a.reused != b.reused || a.memo != b.memo ||
      a.agent_types != b.agent_types) {
    return "what reuse goes by";
  }
  if (a.agents_called != b.agents_called || a.refusals != b.refusals) return "agents_called";
  if (a.lines != b.lines || a.phases != b.phases || a.current_phase != b.current_phase)
    return "lines";
  return "";
}

}  // namespace odw::sim
