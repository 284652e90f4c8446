#include "tests/sim/checker.h"

#include "tests/sim/fold_compare.h"
#include "tests/sim/recount.h"

namespace odw::sim {

void Checker::OnBoot(const SimJournal& journal, const core::Engine& restored) {
  shadows_.clear();
  peers_.clear();
  day_.OnBoot();
  providers_.OnBoot();
  frozen_ = false;
  journal_ = &journal;
  for (const auto& [run_id, durable] : journal.runs()) {
    if (durable.events.empty()) continue;
    Shadow& shadow = shadows_[run_id];
    shadow.run.header.set_run_id(run_id);
    for (const v1::Event& event : durable.events) Fold(&shadow, event);
    for (const core::Node& node : shadow.run.nodes) {
      for (const core::Attempt& attempt : node.attempts) {
        Peer& peer = peers_[attempt.executor_id];
        peer.away_since = context_->now;  // the grace counts from the daemon's start
      }
    }
    const bool open = !shadow.run.ended();
    if (open != restored.world().runs.contains(run_id)) {
      Broken(run_id + (open ? " is open and was not restored" : " has ended and was restored"));
    }
  }
  for (const auto& [run_id, run] : restored.world().runs) {
    shadows_[run_id].touched = true;
  }
  CheckWorld(restored.world());
}

Checker::Shadow* Checker::Find(const std::string& run_id) {
  const auto found = shadows_.find(run_id);
  return found == shadows_.end() ? nullptr : &found->second;
}

const TokenOwner* Checker::OwnerOf(const std::string& token) const {
  const auto found = tokens_.find(token);
  return found == tokens_.end() ? nullptr : &found->second;
}

bool Checker::IsOpen(const std::string& run_id) const {
  const auto found = shadows_.find(run_id);
  return found != shadows_.end() && !found->second.events.empty() && !found->second.run.ended();
}

bool Checker::IsReturning(const std::string& run_id) const {
  return IsOpen(run_id) && shadows_.at(run_id).run.returned.has_value();
}

bool Checker::IsPaused(const std::string& run_id) const {
  return IsOpen(run_id) && shadows_.at(run_id).run.paused();
}

bool Checker::IsPausedForDay(const std::string& run_id) const {
  return IsPaused(run_id) && shadows_.at(run_id).run.paused_until_ms > 0;
}

uint64_t Checker::NodesOf(const std::string& run_id) const {
  return shadows_.at(run_id).run.nodes.size();
}

uint64_t Checker::OpenNodeOf(const std::string& run_id, uint64_t pick) const {
  const core::Run& run = shadows_.at(run_id).run;
  std::vector<uint64_t> open;
  for (core::NodeId id = 1; id <= run.nodes.size(); ++id) {
    const core::Node& node = run.node(id);
    if (node.kind != v1::script::AGENT || node.phase == core::NodePhase::kSettled) continue;
    // What is rare counts more.
    const bool rare = node.phase == core::NodePhase::kBackoff || node.phase == core::NodePhase::kBlocked;
    open.insert(open.end(), rare ? 6 : 1, id);
  }
  return open.empty() ? 0 : open[pick % open.size()];
}

bool Checker::IsAgentCall(const std::string& run_id, uint64_t node) const {
  const core::Run& run = shadows_.at(run_id).run;
  return node > 0 && node <= run.nodes.size() && run.node(node).kind == v1::script::AGENT;
}

const std::string& Checker::ExecutorOf(core::SessionId session) const {
  static const std::string kNobody;
  const auto found = sessions_.find(session);
  return found == sessions_.end() ? kNobody : found->second;
}

std::string Checker::Name(const Shadow& shadow, uint64_t node) const {
  return shadow.run.id() + " n" + std::to_string(node);
}

void Checker::BeforeInput(const core::Input& input, const core::Engine& engine) {
  input_ = &input;
  answered_token_.clear();
  lost_token_.clear();
  attaching_.clear();
  held_.clear();
  started_tokens_.clear();
  to_cancel_.clear();
  diverging_run_.clear();
  frozen_ |= std::holds_alternative<core::JournalFailed>(input);
  if (frozen_) return;
  if (const auto* said = std::get_if<core::ExecutorSaid>(&input)) {
    const auto peer = peers_.find(ExecutorOf(said->session));
    if (peer == peers_.end() || peer->second.session != said->session) return;
    answered_token_ = said->message.result().token();
    if (said->message.has_result()) providers_.OnResult(said->message.result());
    lost_token_ = said->message.lost().token();
    if (said->message.has_lost()) told_lost_.insert(lost_token_);
    if (said->message.has_draining()) peer->second.draining = true;
  } else if (const auto* attached = std::get_if<core::ExecutorAttached>(&input)) {
    sessions_[attached->session] = attached->info.executor_id();
    attaching_ = attached->info.executor_id();
    for (const v1::Held& task : attached->info.held()) held_.insert(task.token());
  } else if (const auto* detached = std::get_if<core::ExecutorDetached>(&input)) {
    const auto peer = peers_.find(ExecutorOf(detached->session));
    if (peer == peers_.end() || peer->second.session != detached->session) return;
    peer->second.session = 0;
    peer->second.away_since = context_->now;
  } else if (const auto* turn = std::get_if<core::HostTurn>(&input)) {
    OnTurnInput(*turn, engine);
  } else if (const auto* gone = std::get_if<core::HostGone>(&input)) {
    Shadow* shadow = Find(gone->run_id);
    if (shadow != nullptr && shadow->host == gone->epoch) shadow->host = 0;
  }
}

// Does this turn do what the journal says that it did before?
void Checker::OnTurnInput(const core::HostTurn& input, const core::Engine& engine) {
  Shadow* shadow = Find(input.run_id);
  if (shadow == nullptr || shadow->host != input.epoch || shadow->run.returned ||
      shadow->run.ended())
    return;
  if (!engine.world().runs.contains(input.run_id))
    Broken("open run " + input.run_id + " was forgotten");
  for (const v1::script::Call& call : input.turn.calls()) {
    if (call.kind() == v1::script::CANCEL_TIMER || ++shadow->calls_seen > shadow->recorded_at_start)
      continue;
    if (call.kind() != v1::script::AGENT) continue;
    v1::AgentRequest request;
    request.ParseFromString(call.request());
    const auto recorded = shadow->prompts.find(shadow->calls_seen);
    const v1::Blob made = model::MakeValue(request.prompt()).ref;
    if (recorded == shadow->prompts.end() ||
        recorded->second.SerializeAsString() != made.SerializeAsString()) {
      diverging_run_ = input.run_id;
    }
  }
  const bool all_replayed = !input.turn.more() && input.turn.seq() >= shadow->replay_until;
  if ((all_replayed || input.turn.end_case() != v1::script::Turn::END_NOT_SET) &&
      shadow->calls_seen < shadow->recorded_at_start) {
    diverging_run_ = input.run_id;
  }
}

void Checker::CheckDivergence(const core::Engine&) {
  if (diverging_run_.empty()) return;
  context_->coverage->Count("divergences");
  Shadow* shadow = Find(diverging_run_);
  if (shadow->run.state != v1::NEEDS_ATTENTION) {
    Broken(diverging_run_ + ": replay did something else than is recorded, and nobody noticed");
  }
}

void Checker::AfterInput(const core::Engine& engine) {
  if (!to_cancel_.empty()) {
    Broken("a skipped or restarted call's task was not cancelled: " + *to_cancel_.begin());
  }
  CheckDivergence(engine);
  CheckWorld(engine.world());
  if (frozen_) return;
  day_.After(engine.world());
  providers_.After(engine.world());
}

void Checker::CheckWorld(const core::World& world) {
  for (auto& [id, peer] : peers_) {
    // Past its grace and with nothing to wait for, an executor is forgotten: it may come back as a
    // new one.
    if (!world.executors.contains(id)) peer.epoch = 0;
  }
  std::set<const core::Run*> living;
  size_t tokens = 0;
  for (const auto& [run_id, run] : world.runs) {
    living.insert(run.get());
    tokens += run->live.tokens.size();
    Shadow* shadow = Find(run_id);
    if (shadow == nullptr) Broken("run " + run_id + " is in memory and has no event");
    if (!std::exchange(shadow->touched, false)) continue;
    const std::string difference =
        FirstDifference(*run, shadow->run, absl::ToUnixMillis(context_->latest));
    if (!difference.empty()) Broken(run_id + ": memory and events differ in " + difference);
    if (!run->ended() && !run->paused() && !run->held.empty())
      Broken(run_id + " goes on and holds an answer back");
    if (run->live.running != run->live.tokens.size()) Broken(run_id + ": live.running is off");
    if (run->host.state == core::HostLink::State::kActive && run->host.epoch != shadow->host) {
      Broken(run_id + " believes that it has host " + std::to_string(run->host.epoch));
    }
  }
  for (const auto& [token, ref] : world.tokens) {
    if (!living.contains(ref.run)) Broken("token " + token + " points to a run that was freed");
  }
  if (world.tokens.size() < tokens) Broken("an attempt is waited for whose token is unknown");
}

void Checker::OnSummaries(const std::vector<v1::RunSummary>& summaries) {
  for (const v1::RunSummary& summary : summaries) {
    const Shadow* shadow = Find(summary.run_id());
    if (shadow == nullptr) Broken("a summary of an unknown run");
    CheckAgainstRecount(summary, shadow->events);
  }
}

}  // namespace odw::sim
