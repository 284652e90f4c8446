#include "tests/sim/recount.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "odw/v1/script.pb.h"
#include "tests/sim/context.h"
#include "tests/sim/day_check.h"

namespace odw::sim {
namespace {

enum class Status { kQueued, kRunning, kBlocked, kEnded };

struct Recount {
  struct Agent {
    Status status = Status::kQueued;
    std::set<uint32_t> live;
  };
  std::map<uint64_t, Agent> agents;
  uint64_t done = 0, failed = 0, cancelled = 0, skipped = 0, cached = 0;
  uint64_t saved_tokens = 0;
  uint64_t input_tokens = 0, output_tokens = 0;
  Purse purse;
  v1::RunSettings settings;
  v1::Dialect dialect = v1::BUILTIN;
  uint64_t re_executed = 0;
  v1::RunState state = v1::RUNNING;

  void Charge(const v1::Usage& usage) {
    input_tokens += usage.input_tokens();
    output_tokens += usage.output_tokens();
    Put(usage, &purse);
  }

  void OnEnd(uint64_t node, v1::NodeEnd end) {
    const auto found = agents.find(node);
    if (found == agents.end()) return;
    found->second.status = Status::kEnded;
    if (end == v1::END_DONE) ++done;
    if (end == v1::END_FAILED || end == v1::END_REFUSED) ++failed;
    if (end == v1::END_CANCELLED) ++cancelled;
    if (end == v1::END_SKIPPED) ++skipped;
    if (end == v1::END_CACHED) ++cached;
  }

  void Add(const v1::Event& event) {
    if (event.has_submitted()) {
      settings = event.submitted().settings();
      dialect = event.submitted().dialect();
    } else if (event.has_budget_changed()) {
      const v1::BudgetChanged& changed = event.budget_changed();
      if (changed.tokens_max() > 0) settings.set_tokens_max(changed.tokens_max());
      if (changed.cost_micros_max() > 0) settings.set_cost_micros_max(changed.cost_micros_max());
    } else if (event.has_called() && event.called().kind() == v1::script::AGENT) {
      agents[event.called().ordinal()];
    } else if (event.has_attempt_started()) {
      Agent& agent = agents[event.attempt_started().node()];
      agent.status = Status::kRunning;
      agent.live.insert(event.attempt_started().attempt());
    } else if (event.has_attempt_ended()) {
      Charge(event.attempt_ended().usage());
      re_executed += event.attempt_ended().re_executed();
      Agent& agent = agents[event.attempt_ended().node()];
      agent.live.erase(event.attempt_ended().attempt());
      // Held until the run goes on, or decided upon in the same step.
      const bool decides = event.attempt_ended().ok() || agent.live.empty();
      if (agent.status == Status::kBlocked && !event.attempt_ended().discarded() && decides) {
        agent.status = Status::kRunning;
      }
    } else if (event.has_requeued()) {
      agents[event.requeued().node()].status = Status::kQueued;
    } else if (event.has_blocked()) {
      agents[event.blocked().node()].status = Status::kBlocked;
    } else if (event.has_settled()) {
      OnEnd(event.settled().node(), event.settled().end());
      saved_tokens += event.settled().saved_usage().output_tokens();
    } else if (event.has_restarted()) {
      agents[event.restarted().node()] = Agent{};
    } else if (event.has_paused()) {
      state = v1::PAUSED;
    } else if (event.has_unpaused()) {
      state = v1::RUNNING;
    } else if (event.has_late_usage()) {
      Charge(event.late_usage().usage());
    } else if (event.has_ended()) {
      state = event.ended().state();
    }
  }

  uint64_t In(Status status) const {
    uint64_t count = 0;
    for (const auto& [id, agent] : agents) count += agent.status == status;
    return count;
  }
};

void Compare(const char* what, const std::string& run_id, uint64_t said, uint64_t counted) {
  if (said == counted) return;
  Broken("the summary of " + run_id + " says " + what + " = " + std::to_string(said) +
         ", its events " + std::to_string(counted));
}

// Each currency apart, and by how much the ceilings are passed.
void CompareMoney(const std::string& id, const v1::RunSummary& summary, const Recount& count) {
  Purse said;
  Put(summary.usage(), &said);
  for (const v1::Money& money : summary.usage().other_costs()) said[money.currency()] += money.micros();
  if (said != count.purse) Broken("the summary of " + id + " tells of other money than its events");
  const v1::RunSettings& settings = count.settings;
  double tokens = 0, micros = 0;
  const auto output = static_cast<double>(count.output_tokens);
  const double all = output + static_cast<double>(count.input_tokens);
  if (settings.has_budget_total()) {
    tokens = (count.dialect == v1::ODW ? all : output) - settings.budget_total();
  }
  if (settings.tokens_max() > 0) {
    tokens = std::max(tokens, all - static_cast<double>(settings.tokens_max()));
  }
  Compare("overshoot_tokens", id, summary.overshoot_tokens(),
          static_cast<uint64_t>(std::ceil(std::max(tokens, 0.0))));
  if (settings.cost_micros_max() > 0) {
    Exchange(count.purse, settings.cost_currency(), settings.exchange(), &micros);
    micros -= static_cast<double>(settings.cost_micros_max());
  }
  const double over = static_cast<double>(summary.overshoot_micros());
  if (std::abs(over - std::max(micros, 0.0)) > 2)  // the sums are rounded in other orders
    Broken("the summary of " + id + " tells of another overshoot of money than its events");
}

}  // namespace

void CheckAgainstRecount(const v1::RunSummary& summary, const std::vector<v1::Event>& events) {
  Recount count;
  for (const v1::Event& event : events) count.Add(event);
  const std::string& id = summary.run_id();
  const bool ended = count.state != v1::RUNNING && count.state != v1::PAUSED;
  const uint64_t open =
      count.In(Status::kQueued) + count.In(Status::kRunning) + count.In(Status::kBlocked);
  Compare("last_event", id, summary.last_event(), events.size());
  Compare("state", id, summary.state(), count.state);
  Compare("nodes_total", id, summary.nodes_total(), count.agents.size());
  Compare("nodes_queued", id, summary.nodes_queued(), ended ? 0 : count.In(Status::kQueued));
  Compare("nodes_running", id, summary.nodes_running(), ended ? 0 : count.In(Status::kRunning));
  Compare("nodes_blocked", id, summary.nodes_blocked(), ended ? 0 : count.In(Status::kBlocked));
  Compare("nodes_done", id, summary.nodes_done(), count.done);
  Compare("nodes_failed", id, summary.nodes_failed(), count.failed);
  Compare("nodes_skipped", id, summary.nodes_skipped(), count.skipped);
  Compare("nodes_cached", id, summary.nodes_cached(), count.cached);
  Compare("saved_usage", id, summary.saved_usage().output_tokens(), count.saved_tokens);
  Compare("nodes_cancelled", id, summary.nodes_cancelled(), count.cancelled + (ended ? open : 0));
  Compare("input_tokens", id, summary.usage().input_tokens(), count.input_tokens);
  Compare("output_tokens", id, summary.usage().output_tokens(), count.output_tokens);
  CompareMoney(id, summary, count);
  Compare("re_executed", id, summary.re_executed(), count.re_executed);
  uint64_t census = 0;
  for (const uint32_t failures : summary.census()) census += failures;
  Compare("census", id, census, count.failed);
}

}  // namespace odw::sim
