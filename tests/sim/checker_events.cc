// What may be appended, and when.
#include <algorithm>

#include "daemon/base/ids.h"
#include "daemon/core/apply.h"
#include "tests/sim/checker.h"

namespace odw::sim {
namespace {

using core::NodePhase;

constexpr int64_t kDayMs = 24 * 3600 * 1000;

const char* PhaseName(NodePhase phase) {
  switch (phase) {
    case NodePhase::kQueued: return "queued";
    case NodePhase::kBackoff: return "backoff";
    case NodePhase::kRunning: return "running";
    case NodePhase::kBlocked: return "blocked";
    case NodePhase::kTimer: return "timer";
    case NodePhase::kLookup: return "lookup";
    case NodePhase::kAwaited: return "awaited";
    case NodePhase::kSettled: return "settled";
  }
  return "?";
}

// Event name and the node it speaks of (0: of the run).
std::pair<std::string, uint64_t> Subject(const v1::Event& event) {
  switch (event.body_case()) {
    case v1::Event::kSubmitted: return {"submitted", 0};
    case v1::Event::kCalled: return {"called", event.called().ordinal()};
    case v1::Event::kAttemptStarted: return {"attempt started", event.attempt_started().node()};
    case v1::Event::kAttemptEnded: return {"attempt ended", event.attempt_ended().node()};
    case v1::Event::kSettled: return {"settled", event.settled().node()};
    case v1::Event::kRequeued: return {"requeued", event.requeued().node()};
    case v1::Event::kBlocked: return {"blocked", event.blocked().node()};
    case v1::Event::kLine: return {event.line().ordinal() > 0 ? "line" : "warning line", 0};
    case v1::Event::kReturned: return {event.returned().ok() ? "returned" : "returned an error", 0};
    case v1::Event::kStopRequested: return {"stop requested", 0};
    case v1::Event::kBudgetChanged: return {"budget changed", 0};
    case v1::Event::kPaused: return {"paused", 0};
    case v1::Event::kUnpaused: return {"unpaused", 0};
    case v1::Event::kRestarted: return {"restarted", event.restarted().node()};
    case v1::Event::kSession: return {"session seen", event.session().node()};
    case v1::Event::kEnded: return {"ended " + v1::RunState_Name(event.ended().state()), 0};
    case v1::Event::kLateUsage: return {"late usage", 0};
    default: return {"?", 0};
  }
}

const char* OutcomeOf(const v1::AttemptEnded& ended) {
  if (ended.given_up()) return "given up";
  if (ended.discarded()) return "discarded";
  if (ended.ok()) return "ok";
  return ended.ended_unix_ms() == 0 ? "lost" : "failed";
}

std::string StateOf(const core::Run& run, uint64_t node) {
  if (node == 0) {
    if (run.last_seq == 0) return "nothing";
    if (run.ended()) return "ended";
    if (run.returned) return "returned";
    return run.paused() ? "paused" : "running";
  }
  return node > run.nodes.size() ? "nothing" : PhaseName(run.node(node).phase);
}

bool MayRepeat(const v1::AgentRequest& request, const v1::Register& executor) {
  if (request.isolation() == "worktree") return true;
  if (request.runtime() == "command") {
    for (const std::string& command : executor.read_only_commands()) {
      if (command == request.command()) return true;
    }
    return false;
  }
  return request.runtime() == "mock" || request.permission() == "read-only";
}

}  // namespace

void Checker::OnAppend(const core::Append& append) {
  v1::Event event;
  if (!event.ParseFromString(append.bytes)) Broken("an event that cannot be read");
  Shadow& shadow = shadows_[append.run_id];
  if (shadow.events.empty()) shadow.run.header.set_run_id(append.run_id);
  if (append.seq != shadow.events.size() + 1)
    Broken(append.run_id + ": a gap in the sequence of events");
  CheckEvent(shadow, event);
  const auto [name, node] = Subject(event);
  const std::string before = StateOf(shadow.run, node);
  Fold(&shadow, event);
  const std::string moved = name + ": " + before + " -> " + StateOf(shadow.run, node);
  context_->Note(
      "    " + append.run_id + " #" + std::to_string(append.seq) + " " + moved +
      (node > 0 ? " n" + std::to_string(node) : "") +
      (event.has_attempt_started() ? " on " + event.attempt_started().executor_id() : "") +
      (event.attempt_ended().has_error()
           ? " " + v1::ErrorCategory_Name(event.attempt_ended().error().category())
           : "") +
      (event.has_paused() ? ": " + event.paused().why() : ""));
  if (event.has_attempt_ended()) {
    context_->coverage->Count(std::string("attempt ") + OutcomeOf(event.attempt_ended()) +
                              moved.substr(13));
  }
  if (!context_->coverage->Moved(moved)) Broken("a transition that is not in the table: " + moved);
  shadow.touched = true;
  context_->effects_hash = HashOf(append.bytes, context_->effects_hash);
}

void Checker::Fold(Shadow* shadow, const v1::Event& event) {
  const std::string run_id = shadow->run.id();
  if (const absl::Status status = core::Apply(event, &shadow->run); !status.ok()) {
    Broken(MessageOf(status));
  }
  shadow->events.push_back(event);
  if (event.has_called()) {
    shadow->prompts[event.called().ordinal()] = event.called().prompt();
    shadow->calls[event.called().ordinal()] = event.called();
  } else if (event.has_restarted()) {
    for (const core::Attempt& attempt : shadow->run.node(event.restarted().node()).attempts) {
      shadow->fenced.insert(attempt.token);
    }
  } else if (event.has_attempt_started()) {
    const v1::AttemptStarted& started = event.attempt_started();
    shadow->starts.try_emplace(started.token(), started);
    tokens_[started.token()] = {
        .run_id = run_id, .node = started.node(), .attempt = started.attempt()};
  } else if (event.has_attempt_ended()) {
    const v1::AttemptEnded& ended = event.attempt_ended();
    // What the core ends by itself has no time of its own. An answer is recorded once.
    Charge(event, ended.usage(), shadow);
    if (ended.ended_unix_ms() != 0)
      shadow->answered.insert(AttemptToken(run_id, ended.node(), ended.attempt()));
  } else if (event.has_late_usage()) {
    const v1::LateUsage& late = event.late_usage();
    Charge(event, late.usage(), shadow);
    shadow->answered.insert(AttemptToken(run_id, late.node(), late.attempt()));
  }
}

void Checker::Charge(const v1::Event& event, const v1::Usage& usage, Shadow* shadow) {
  Put(usage, &shadow->purse);
  day_.Charge(event.unix_ms(), usage, &shadow->usage_day);
}

void Checker::CheckEvent(const Shadow& shadow, const v1::Event& event) {
  const core::Run& run = shadow.run;
  if (run.ended() && !event.has_late_usage()) Broken(run.id() + ": an event after the end");
  switch (event.body_case()) {
    case v1::Event::kCalled:
      if (run.returned) Broken(run.id() + ": a call after the return");
      break;
    case v1::Event::kPaused:
      if (event.paused().by() == "ceiling") context_->coverage->Count("pauses at a ceiling");
      if (run.paused() || run.returned) Broken(run.id() + " was paused and cannot be");
      day_.OnPaused(run.id(), event.paused());
      break;
    case v1::Event::kUnpaused:
      if (!run.paused()) Broken(run.id() + " was unpaused and was not paused");
      day_.OnUnpaused(run.id(), event.unpaused(), run.paused_until_ms);
      break;
    case v1::Event::kRestarted:
      if (run.node(event.restarted().node()).decided())
        Broken(Name(shadow, event.restarted().node()) + " was restarted and has an outcome");
      ExpectCancels(shadow, event.restarted().node());
      break;
    case v1::Event::kSession: {
      const core::Node& node = run.node(event.session().node());
      if (node.session && node.session->id == event.session().session_id())
        Broken(Name(shadow, event.session().node()) + ": a session was recorded twice");
      break;
    }
    case v1::Event::kSettled: CheckSettled(shadow, event.settled()); break;
    case v1::Event::kAttemptStarted: CheckStarted(shadow, event.attempt_started()); break;
    case v1::Event::kAttemptEnded: CheckAttemptEnded(shadow, event.attempt_ended()); break;
    case v1::Event::kBlocked: {
      const auto& attempts = run.node(event.blocked().node()).attempts;
      if (std::none_of(attempts.begin(), attempts.end(), [&](const core::Attempt& attempt) {
            return attempt.live && !attempt.repeatable && LeaseIsOver(attempt.executor_id);
          })) {
        Broken(Name(shadow, event.blocked().node()) + " was blocked and need not be");
      }
      break;
    }
    case v1::Event::kLine:
      if (event.line().ordinal() > 0 && event.line().ordinal() != run.lines + 1) {
        Broken(run.id() + ": line " + std::to_string(event.line().ordinal()) + " after " +
               std::to_string(run.lines));
      }
      break;
    case v1::Event::kReturned:
      if (run.returned) Broken(run.id() + ": a second return");
      break;
    case v1::Event::kEnded:
      if (run.returned && event.ended().state() != (run.returned->ok() ? v1::COMPLETED : v1::FAILED)) {
        Broken(run.id() + ": its end is not what it had returned");
      }
      break;
    case v1::Event::kLateUsage: {
      const std::string token =
          AttemptToken(run.id(), event.late_usage().node(), event.late_usage().attempt());
      if (shadow.answered.contains(token))
        Broken(run.id() + ": the usage of " + token + " counted twice");
      break;
    }
    default: break;
  }
}

bool Checker::LeaseIsOver(const std::string& executor_id) const {
  const auto peer = peers_.find(executor_id);
  return peer != peers_.end() && peer->second.session == 0 &&
         context_->now >= peer->second.away_since + settings_.lease_grace;
}

void Checker::CheckStarted(const Shadow& shadow, const v1::AttemptStarted& started) {
  const core::Node& node = shadow.run.node(started.node());
  for (const core::Attempt& attempt : node.attempts) {
    if (attempt.number != started.attempt()) continue;
    if (shadow.fenced.contains(attempt.token))
      Broken(Name(shadow, started.node()) + ": an attempt from before a restart was adopted");
    // Not a start but an adoption: its executor has just said that it holds it.
    if (attaching_ != attempt.executor_id || !held_.contains(attempt.token)) {
      Broken(Name(shadow, started.node()) + " was adopted without its executor's word");
    }
    context_->coverage->Count("adoptions after a given-up or blocked attempt");
    return;
  }
  CheckNewAttempt(shadow, node, started);
}

// Each time that a call fell back, it went on with the next entry of its list.
void Checker::CheckFallback(const Shadow& shadow, const core::Node& node,
                            const v1::AttemptStarted& started) const {
  int times = 0;
  for (const v1::Event& event : shadow.events) {
    times += event.requeued().node() == started.node() && event.requeued().not_before_unix_ms() < 0;
  }
  const v1::AgentRequest& asked = shadow.calls.at(started.node()).request();
  const std::string name = Name(shadow, started.node());
  if (times > asked.fallback_size()) Broken(name + " fell back further than its list goes");
  if (node.details->request.fallback_size() != asked.fallback_size() - times)
    Broken(name + ": its list of fallbacks does not grow shorter");
  const std::string target =
      started.runtime() + (started.provider().empty() ? "" : ":" + started.provider()) + "/" + started.model();
  if (times > 0 && asked.fallback(times - 1) != target)
    Broken(name + " goes on with " + target + ", not with " + asked.fallback(times - 1));
  if (times > 0) context_->Passed("provider: a call falls back");
}

void Checker::CheckNewAttempt(const Shadow& shadow, const core::Node& node,
                              const v1::AttemptStarted& started) {
  const std::string name = Name(shadow, started.node());
  if (shadow.run.returned) Broken(name + ": an attempt after the return");
  if (shadow.run.paused()) Broken(name + ": an attempt while the run is paused");
  if (started.token() != AttemptToken(shadow.run.id(), started.node(), started.attempt())) {
    Broken(name + ": a token that is not made from its attempt");
  }
  for (const core::Attempt& attempt : node.attempts) {
    if (attempt.live && !shadow.fenced.contains(attempt.token)) {
      Broken(name + ": a second attempt while the fate of attempt " +
             std::to_string(attempt.number) + " is unknown");
    }
  }
  if (node.due_ms > absl::ToUnixMillis(context_->latest))
    Broken(name + " did not wait for its backoff");
  // What an error's policy asks for, found again from the error itself.
  for (auto event = shadow.events.rbegin(); event != shadow.events.rend(); ++event) {
    if (event->restarted().node() == started.node()) break;  // a person would not wait
    if (event->requeued().node() == started.node() && event->requeued().not_before_unix_ms() < 0) {
      context_->coverage->Count("attempts with a fallback");
      break;
    }
    if (event->attempt_ended().node() != started.node() || event->attempt_ended().discarded()) continue;
    const int64_t earliest =
        event->unix_ms() + std::min<int64_t>(event->attempt_ended().error().retry_after_ms(), kDayMs);
    if (absl::ToUnixMillis(context_->latest) < earliest) Broken(name + " did not obey Retry-After");
    break;
  }
  uint32_t live = 0;
  for (const core::Node& other : shadow.run.nodes) {
    if (other.phase == NodePhase::kSettled) continue;
    for (const core::Attempt& attempt : other.attempts) live += attempt.live;
  }
  if (live >= shadow.run.header.settings().concurrency())
    Broken(shadow.run.id() + ": the run's cap is exceeded");
  const Peer& peer = peers_[started.executor_id()];
  if (peer.session == 0) Broken(name + " was given to an executor that is away");
  if (peer.draining) Broken(name + " was given to an executor that is draining");
  if (peer.info.runtime() != node.details->request.runtime())
    Broken(name + " was given to another runtime");
  if (started.repeatable() != MayRepeat(node.details->request, peer.info))
    Broken(name + ": repeatable is wrong");
  CheckFallback(shadow, node, started);
  CheckCeilings(shadow, started);
  day_.OnStarted(name);
  providers_.OnStarted(started, peer.info);
  started_tokens_.insert(started.token());
}

void Checker::CheckAttemptEnded(const Shadow& shadow, const v1::AttemptEnded& ended) {
  const std::string token = AttemptToken(shadow.run.id(), ended.node(), ended.attempt());
  const std::string name = Name(shadow, ended.node());
  if (shadow.fenced.contains(token) && !ended.discarded())
    Broken(name + ": the end of an attempt from before a restart was taken for the call's");
  const core::Attempt* attempt = nullptr;
  for (const core::Attempt& other : shadow.run.node(ended.node()).attempts) {
    if (other.number == ended.attempt()) attempt = &other;
  }
  if (attempt == nullptr) Broken(name + ": the end of an attempt that never started");
  if (token == answered_token_) {
    if (shadow.answered.contains(token))
      Broken(name + ": the usage of an attempt was counted twice");
    return;
  }
  CheckGivenUp(shadow, *attempt);
}

// No answer: then it must be proved gone, or its lease over and the work repeatable.
void Checker::CheckGivenUp(const Shadow& shadow, const core::Attempt& attempt) {
  if (attempt.token == lost_token_) return;
  if (attaching_ == attempt.executor_id && !held_.contains(attempt.token)) return;
  if (!LeaseIsOver(attempt.executor_id)) {
    Broken(shadow.run.id() + ": attempt " + attempt.token +
           " was given up inside its executor's grace");
  }
  if (!attempt.repeatable && !shadow.fenced.contains(attempt.token)) {
    Broken(shadow.run.id() + ": attempt " + attempt.token + " was given up and has side effects");
  }
  context_->coverage->Count("leases expired");
}

// A skip or a restart: what the node has at executors that can hear it is cancelled in the same step.
void Checker::ExpectCancels(const Shadow& shadow, uint64_t node) {
  for (const core::Attempt& attempt : shadow.run.node(node).attempts) {
    const auto peer = peers_.find(attempt.executor_id);
    if (attempt.live && peer != peers_.end() && peer->second.session != 0) to_cancel_.insert(attempt.token);
  }
}

void Checker::CheckSettled(const Shadow& shadow, const v1::Settled& settled) {
  const core::Run& run = shadow.run;
  const core::Node& node = run.node(settled.node());
  const std::string name = Name(shadow, settled.node());
  if (settled.attempt() > 0 &&
      shadow.fenced.contains(AttemptToken(run.id(), settled.node(), settled.attempt()))) {
    Broken(name + ": settled by an attempt from before a restart");
  }
  const bool answered = node.kind == v1::script::AGENT &&
                        (settled.end() == v1::END_DONE || settled.end() == v1::END_FAILED);
  if (run.paused() && (answered || settled.end() == v1::END_TIMER))
    Broken(name + ": settled while the run is paused");
  const auto held = std::find(run.held.begin(), run.held.end(), settled.node());
  if (held != run.held.end()) {
    if (!answered) Broken(name + ": a held answer was taken away");
    if (held != run.held.begin()) Broken(name + ": held answers are settled out of order");
  }
  if (settled.end() == v1::END_SKIPPED) {
    if (settled.outcome() != v1::Settled::RESOLVE_NULL) Broken(name + ": a skip that is not null");
    ExpectCancels(shadow, settled.node());
  }
  if (settled.end() == v1::END_CACHED) CheckCached(shadow, settled);
  if (settled.end() == v1::END_REFUSED) CheckBudgetRefusal(shadow, settled);
}

}  // namespace odw::sim
