// What may be spent: ceilings of a run, refusals; and what costs nothing: an earlier run's answers.
#include <algorithm>

#include "tests/sim/checker.h"

namespace odw::sim {

// What has been used, what is held and what this attempt holds stay below each ceiling of the run.
void Checker::CheckCeilings(const Shadow& shadow, const v1::AttemptStarted& started) const {
  const core::Run& run = shadow.run;
  const v1::RunSettings& settings = run.header.settings();
  double tokens = static_cast<double>(started.reserved_tokens());
  int64_t micros = started.reserved_micros();
  uint32_t in_flight = 1;
  for (const core::Node& node : run.nodes) {
    if (node.phase == core::NodePhase::kSettled) continue;
    for (const core::Attempt& attempt : node.attempts) {
      if (!attempt.live) continue;
      ++in_flight;
      tokens += static_cast<double>(shadow.starts.at(attempt.token).reserved_tokens());
      micros += shadow.starts.at(attempt.token).reserved_micros();
    }
  }
  const v1::Usage& used = run.usage;
  const double all = static_cast<double>(used.input_tokens() + used.output_tokens());
  const std::string name = Name(shadow, started.node());
  if (settings.tokens_max() > 0 && all + tokens > static_cast<double>(settings.tokens_max()))
    Broken(name + " was started past the run's token ceiling");
  if (settings.has_budget_total() &&
      core::SpentBy(run.header.dialect(), used) + tokens > settings.budget_total()) {
    Broken(name + " was started past the script's budget");
  }
  if (settings.cost_micros_max() > 0) {
    double spent = 0;
    if (!Exchange(shadow.purse, settings.cost_currency(), settings.exchange(), &spent))
      Broken(name + " was started though money without a rate is spent");
    if (spent + static_cast<double>(micros) > static_cast<double>(settings.cost_micros_max()))
      Broken(name + " was started past the run's cost ceiling");
    if (shadow.purse.size() > 1) context_->Passed("budget: a cost ceiling over several currencies");
  }
  const bool limited = settings.tokens_max() > 0 || settings.cost_micros_max() > 0 ||
                       settings.has_budget_total();
  if (limited && started.reserved_tokens() == 0) Broken(name + " holds nothing of its run's ceiling");
  if (limited && in_flight > 1) context_->Passed("budget: several in flight below a ceiling");
  if (limited && started.reserved_tokens() != kFirstEstimate && started.output_tokens_max() == 0)
    context_->Passed("budget: an estimate that was learnt");
  if (started.output_tokens_max() > 0) {
    if (in_flight > 1 && limited && started.reserved_tokens() == started.output_tokens_max())
      Broken(name + " is cut short though others are in flight");
    context_->Passed("budget: an output that is clamped");
  }
}

// A call is refused for the budget's sake: then it is spent, or its money cannot be counted. And no
// earlier result was there for it.
void Checker::CheckBudgetRefusal(const Shadow& shadow, const v1::Settled& settled) const {
  if (settled.error_code() != "budget") return;
  const core::Run& run = shadow.run;
  const v1::RunSettings& settings = run.header.settings();
  const std::string name = Name(shadow, settled.node());
  if (settled.error_message().find("[budget.exchange]") != std::string::npos) {
    context_->Passed("budget: refused for want of a rate");
    if (settings.cost_micros_max() == 0 && settings_.day.cost_micros_max == 0)
      Broken(name + " was refused for want of a rate that nobody needs");
    return;
  }
  context_->Passed("budget: refused by the script's budget");
  constexpr double kLeastOutput = 16;
  if (!settings.has_budget_total() ||
      core::SpentBy(run.header.dialect(), run.usage) + kLeastOutput <= settings.budget_total()) {
    Broken(name + " was refused and its budget is not spent");
  }
  const DurableRun* old = journal_ == nullptr ? nullptr : journal_->Find(run.header.resumed_from());
  if (old == nullptr || run.header.resume_mode() == v1::RESUME_PREFIX) return;
  const std::string& key = shadow.calls.at(settled.node()).reuse_key();
  std::map<uint64_t, std::string> keys;
  for (const v1::Event& event : old->events) {
    if (event.has_called()) keys[event.called().ordinal()] = event.called().reuse_key();
    const bool success =
        event.settled().end() == v1::END_DONE || event.settled().end() == v1::END_CACHED;
    if (!event.has_settled() || !success || keys[event.settled().node()] != key || key.empty()) continue;
    if (!run.reused.contains(event.settled().node()))
      Broken(name + " was refused and an earlier result was there for it");
  }
  context_->coverage->Count("refused though its run resumes another");
}

// An earlier result: of the same request, a success, used once; by prefix, of the same place, and after
// hits only.
void Checker::CheckCached(const Shadow& shadow, const v1::Settled& settled) {
  const core::Run& run = shadow.run;
  const std::string name = Name(shadow, settled.node());
  const v1::NodeCalled& call = shadow.calls.at(settled.node());
  const DurableRun* old = journal_->Find(run.header.resumed_from());
  if (old == nullptr || settled.from_run() != run.header.resumed_from())
    Broken(name + ": answered from a run that it does not resume");
  const bool prefix = run.header.resume_mode() == v1::RESUME_PREFIX;
  uint64_t old_agents = 0, place = 0;
  bool succeeded = false;
  for (const v1::Event& event : old->events) {
    if (event.has_called() && event.called().kind() == v1::script::AGENT) {
      ++old_agents;
      if (event.called().ordinal() != settled.from_node()) continue;
      place = old_agents;
      v1::AgentRequest before = event.called().request(), now = call.request();
      if (before.SerializeAsString() != now.SerializeAsString() ||
          event.called().prompt().SerializeAsString() != call.prompt().SerializeAsString()) {
        Broken(name + ": answered with the result of another request");
      }
    }
    if (event.settled().node() == settled.from_node()) {
      succeeded = event.settled().end() == v1::END_DONE || event.settled().end() == v1::END_CACHED;
    }
  }
  if (!succeeded) Broken(name + ": answered with what was no success");
  if (!prefix && run.reused.contains(settled.from_node()))
    Broken(name + ": answered with a result that has answered another call");
  if (prefix && (place != run.agents_called || run.counts.cached + 1 != run.agents_called))
    Broken(name + ": by prefix, answered after a miss or from another place");
  context_->coverage->Count(prefix ? "answered from an earlier run, by prefix"
                                   : "answered from an earlier run, by content");
}

}  // namespace odw::sim
