// What must hold when nothing can happen any more.
#include <algorithm>
#include <map>

#include "daemon/core/summary.h"
#include "tests/sim/fold_compare.h"
#include "tests/sim/predict.h"
#include "tests/sim/simulation.h"

namespace odw::sim {
namespace {

bool UsedForNothing(const DurableRun& run) {
  for (const v1::Event& event : run.events) {
    if (event.has_restarted() || event.has_late_usage() || event.attempt_ended().discarded())
      return true;
    if (event.has_attempt_ended() && event.attempt_ended().ended_unix_ms() == 0) return true;  // lost
  }
  return false;
}

// A call whose host was lost again and again has failed for it.
bool WasLostTooOften(const DurableRun& run) {
  constexpr int kLossesMax = 8;
  std::map<uint64_t, int> losses;
  for (const v1::Event& event : run.events) {
    const v1::AttemptEnded& ended = event.attempt_ended();
    const bool lost = ended.ended_unix_ms() == 0 || ended.error().category() == v1::HOST_LOST;
    if (event.has_attempt_ended() && lost && ++losses[ended.node()] >= kLossesMax) return true;
  }
  return false;
}

// A breaker has answered for a provider: how often depends on what else was under way.
bool WasShutOut(const DurableRun& run) {
  return std::any_of(run.events.begin(), run.events.end(), [](const v1::Event& event) {
    return event.line().text().find("not sent: the last") != std::string::npos ||
           event.requeued().why().find("not sent: the last") != std::string::npos;
  });
}

}  // namespace

// Every run has ended, or says what it waits for: then a person stops it.
void Simulation::CheckWaits() {
  std::vector<std::string> waiting;
  for (const auto& [run_id, run] : journal_.runs()) {
    if (run.events.empty() || run.summary.ended_unix_ms() != 0) continue;
    if (run.summary.waiting_for().empty()) {
      Broken(run_id + " has not ended and does not say what it waits for");
    }
    for (const std::string& reason : run.summary.waiting_for()) {
      context_.coverage->Count("at rest: " + reason.substr(0, 20));
    }
    waiting.push_back(run_id);
  }
  for (const std::string& run_id : waiting) client_.Stop(run_id);
}

// Whom a day has paused, the next one lets go on: time has passed as far as anybody waits for it.
void Simulation::CheckDays() {
  for (const auto& [run_id, run] : daemon_.engine().world().runs) {
    if (run->paused() && run->paused_until_ms > 0) Broken(run_id + " is paused for a day, for ever");
  }
}

void Simulation::CheckResults() {
  for (const auto& [run_id, run] : journal_.runs()) {
    if (run.events.empty()) continue;
    const v1::RunSummary& summary = run.summary;
    if (summary.ended_unix_ms() == 0) Broken(run_id + " never ends");
    context_.coverage->Count("runs ended " + v1::RunState_Name(summary.state()));
    const Program& program = *client_.runs().at(run_id);
    if (summary.state() == v1::KILLED && client_.was_stopped(run_id)) continue;
    if (client_.was_skipped(run_id) && summary.state() != v1::KILLED) continue;
    if (program.divergence.kind != Divergence::Kind::kNone || program.order_dependent ||
        program.has_unserved_runtime) {
      if (summary.state() == v1::KILLED) Broken(run_id + " was killed by nobody");
      continue;
    }
    if (WasShutOut(run) || WasLostTooOften(run)) continue;
    const v1::RunSettings& settings = run.events[0].submitted().settings();
    if (settings.budget_total() != program.settings.budget_total()) continue;
    const Prediction expected = Predict(program);
    // A budget is met by whatever was used, also by attempts for which an undisturbed run has no need.
    if (program.settings.has_budget_total() &&
        (summary.nodes_cached() > 0 || UsedForNothing(run) ||
         summary.usage().output_tokens() != expected.output_tokens ||
         summary.usage().input_tokens() != expected.input_tokens)) {
      continue;
    }
    if (summary.state() != expected.state) {
      Broken(run_id + " ended " + v1::RunState_Name(summary.state()) + " (" +
             summary.error().message() + "), an undisturbed run ends " +
             v1::RunState_Name(expected.state) + " " + expected.error_part);
    }
    if (expected.state == v1::COMPLETED && summary.result().inline_() != expected.result_json) {
      Broken(run_id + " gives " + summary.result().inline_() + ", an undisturbed run " +
             expected.result_json);
    }
    if (summary.error().message().find(expected.error_part) == std::string::npos) {
      Broken(run_id + " failed with '" + summary.error().message() + "', not '" +
             expected.error_part + "'");
    }
    if (summary.nodes_total() != expected.agents)
      Broken(run_id + ": another number of agents than undisturbed");
    context_.coverage->Count("results equal to the undisturbed run's");
  }
}

// A run that is resumed as it was, by content, calls nobody who has answered before.
void Simulation::CheckReused() {
  for (const auto& [run_id, run] : journal_.runs()) {
    if (run.events.empty() || run.summary.resumed_from().empty()) continue;
    const DurableRun* old = journal_.Find(run.summary.resumed_from());
    const Program& program = *client_.runs().at(run_id);
    const std::string& old_id = run.summary.resumed_from();
    if (program.order_dependent || client_.runs().at(old_id) != &program) continue;
    if (client_.was_skipped(run_id) || client_.was_skipped(old_id) || program.settings.has_budget_total())
      continue;
    // What failed then for its host's or provider's sake makes other calls now.
    const auto disturbed = [](const DurableRun& r) { return WasLostTooOften(r) || WasShutOut(r); };
    if (disturbed(run) || disturbed(*old)) continue;
    if (run.summary.state() != v1::COMPLETED || old->summary.state() != v1::COMPLETED) continue;
    const uint32_t successes = old->summary.nodes_done() + old->summary.nodes_cached();
    const bool prefix = run.events[0].submitted().resume_mode() == v1::RESUME_PREFIX;
    if (!prefix && run.summary.nodes_cached() != successes) {
      Broken(run_id + " resumes " + old_id + ", which had " + std::to_string(successes) +
             " successes, and took " + std::to_string(run.summary.nodes_cached()));
    }
    context_.coverage->Count("resumed runs that took all there was");
  }
}

void Simulation::CheckNothingLost() {
  for (const auto& executor : executors_) {
    if (executor->gone()) continue;
    if (!executor->idle()) Broken(executor->id() + " holds a task or a result that nobody takes");
  }
  // With executors that never died and no lease run out, nothing may have run for nothing.
  const bool calm_executors = faults_.executor_death == 0 && faults_.host_machine_gone == 0 &&
                              faults_.task_death == 0 && faults_.drain == 0;
  if (!calm_executors) return;
  for (const auto& [run_id, run] : journal_.runs()) {
    if (run.summary.re_executed() > 0 && faults_.stream_break == 0 && faults_.daemon_crash == 0) {
      Broken(run_id + " counts executions that were repeated, and no executor was ever away");
    }
  }
}

// What a restart would find is what the core has in memory.
void Simulation::CheckRestore() {
  core::Engine restored(settings_);
  for (const auto& [run_id, run] : journal_.runs()) {
    if (!IsOpen(run.summary.state())) continue;
    for (const v1::Event& event : run.events) {
      if (!restored.Restore(run_id, event).ok()) Broken(run_id + " cannot be restored");
    }
  }
  const core::World& live = daemon_.engine().world();
  for (const auto& [run_id, run] : restored.world().runs) {
    const auto found = live.runs.find(run_id);
    if (found == live.runs.end()) Broken(run_id + " would come back by a restart");
    const std::string difference =
        FirstDifference(*found->second, *run, absl::ToUnixMillis(context_.latest));
    if (!difference.empty()) Broken(run_id + " would be restored with another " + difference);
  }
}

// Everybody leaves; past the grace nothing may be left in memory.
void Simulation::CheckNoLeak() {
  for (const auto& executor : executors_) executor->Leave();
  Rest();
  daemon_.Tick();  // ended runs go with the next input
  Rest();
  const core::World& world = daemon_.engine().world();
  if (!world.runs.empty()) Broken("run " + world.runs.begin()->first + " was never freed");
  if (!world.tokens.empty()) Broken("token " + world.tokens.begin()->first + " was never freed");
  if (!world.executors.empty())
    Broken("executor " + world.executors.begin()->first + " was never freed");
  if (!world.sessions.empty()) Broken("a session was never freed");
}

}  // namespace odw::sim
