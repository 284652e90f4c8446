// What may be said to script hosts, executors and clients, and when it may leave.
#include <algorithm>

#include "tests/sim/checker.h"

namespace odw::sim {
namespace {

using Settle = v1::script::Settle;

bool SameOutcome(const core::HostSettle& sent, const core::Settlement& recorded) {
  switch (recorded.outcome) {
    case v1::Settled::RESOLVE_JSON:
    case v1::Settled::RESOLVE_TEXT: {
      const bool text = recorded.outcome == v1::Settled::RESOLVE_TEXT;
      return sent.fill == (text ? core::HostSettle::Fill::kText : core::HostSettle::Fill::kJson) &&
             sent.value.ref.SerializeAsString() == recorded.value.ref.SerializeAsString();
    }
    case v1::Settled::RESOLVE_UNDEFINED: return sent.settle.undefined();
    case v1::Settled::REJECT:
      return recorded.rejection &&
             sent.settle.rejection().message() == recorded.rejection->message &&
             sent.settle.rejection().code() == recorded.rejection->code;
    default: return sent.settle.value_json() == "null";
  }
}

}  // namespace

void Checker::OnEffect(const core::Effect& effect) {
  if (const auto* append = std::get_if<core::Append>(&effect)) OnAppend(*append);
  if (const auto* start = std::get_if<core::HostStart>(&effect)) OnHostStart(*start);
  if (const auto* settle = std::get_if<core::HostSettle>(&effect)) OnHostSettle(*settle);
  if (const auto* release = std::get_if<core::HostRelease>(&effect)) {
    Shadow* shadow = Find(release->run_id);
    if (shadow == nullptr || shadow->host != release->epoch)
      Broken("a host was released that no run has");
    shadow->host = 0;
  }
  if (const auto* assign = std::get_if<core::SendAssign>(&effect)) OnAssign(*assign);
  if (const auto* welcome = std::get_if<core::SendWelcome>(&effect)) OnWelcome(*welcome);
  if (const auto* close = std::get_if<core::CloseSession>(&effect)) OnClose(*close);
  if (const auto* ended = std::get_if<core::RunEnded>(&effect)) {
    if (IsOpen(ended->run_id)) Broken(ended->run_id + " was said to be over and is not");
  }
  std::string token;
  if (const auto* ack = std::get_if<core::SendAck>(&effect)) token = ack->token;
  if (const auto* cancel = std::get_if<core::SendCancel>(&effect)) {
    token = cancel->token;
    to_cancel_.erase(token);
  }
  context_->effects_hash = HashOf(token, context_->effects_hash + effect.index());
}

void Checker::OnHostStart(const core::HostStart& start) {
  Shadow* shadow = Find(start.run_id);
  if (shadow == nullptr || shadow->run.ended() || shadow->run.returned) {
    Broken(start.run_id + ": a host for a run that needs none");
  }
  if (shadow->host != 0) Broken(start.run_id + ": a second host");
  shadow->host = start.epoch;
  shadow->fed = 0;
  shadow->calls_seen = 0;
  shadow->recorded_at_start = shadow->run.nodes.size();
  shadow->replay_until = shadow->run.settlements.size();
  const size_t active = static_cast<size_t>(std::count_if(
      shadows_.begin(), shadows_.end(), [](const auto& entry) { return entry.second.host != 0; }));
  if (active > settings_.script_hosts_max) Broken("more script hosts than the pool has");
  if (shadow->run.paused()) Broken(start.run_id + ": a host for a run that is paused");
  if (start.start.replay()) context_->coverage->Count("replays");
}

void Checker::OnHostSettle(const core::HostSettle& settle) {
  Shadow* shadow = Find(settle.run_id);
  if (shadow == nullptr || shadow->host != settle.epoch)
    Broken(settle.run_id + ": fed a host it does not have");
  const std::string name = settle.run_id + " settlement " + std::to_string(settle.settle.seq());
  if (shadow->run.returned || shadow->run.ended()) Broken(name + " was delivered after the end");
  if (shadow->run.paused()) Broken(name + " was delivered while its run is paused");
  if (settle.settle.seq() != shadow->fed + 1) {
    Broken(name + " was delivered after " + std::to_string(shadow->fed));
  }
  shadow->fed = settle.settle.seq();
  if (shadow->fed > shadow->run.settlements.size())
    Broken(name + " was delivered and is not in the journal");
  const core::Settlement& recorded = shadow->run.settlements[shadow->fed - 1];
  if (settle.settle.call() != recorded.node || !SameOutcome(settle, recorded) ||
      settle.settle.budget_spent() != recorded.budget_spent) {
    Broken(name + " is not what was journaled");
  }
  if (settle.settle.replay() != (settle.settle.seq() <= shadow->replay_until))
    Broken(name + ": `replay` is wrong");
}

void Checker::OnAssign(const core::SendAssign& send) {
  const v1::Assign& assign = send.assign;
  if (started_tokens_.erase(assign.token()) == 0)
    Broken("an assignment without an attempt: " + assign.token());
  const auto peer = peers_.find(ExecutorOf(send.session));
  if (peer == peers_.end() || peer->second.session != send.session)
    Broken("an assignment to a stream that is over");
  if (assign.session_epoch() != peer->second.epoch)
    Broken("an assignment of another session's epoch");
  const Shadow* shadow = Find(assign.run_id());
  if (shadow->run.ended() || shadow->run.returned)
    Broken(assign.run_id() + ": an assignment after the end");
  if (send.prompt.ref.SerializeAsString() !=
      shadow->prompts.at(assign.node()).SerializeAsString()) {
    Broken(Name(*shadow, assign.node()) + ": assigned with another prompt");
  }
  context_->effects_hash = HashOf(assign.token(), context_->effects_hash);
}

void Checker::OnWelcome(const core::SendWelcome& welcome) {
  const auto* attached = std::get_if<core::ExecutorAttached>(input_);
  if (attached == nullptr || attached->session != welcome.session)
    Broken("a welcome that nobody asked for");
  Peer& peer = peers_[attached->info.executor_id()];
  if (attached->info.session_epoch() <= peer.epoch) {
    Broken("executor " + attached->info.executor_id() + " was welcomed with an old session's list");
  }
  peer.session = attached->session;
  peer.epoch = attached->info.session_epoch();
  peer.draining = false;
  peer.info = attached->info;
}

void Checker::OnClose(const core::CloseSession& close) {
  const auto peer = peers_.find(ExecutorOf(close.session));
  if (peer == peers_.end() || peer->second.session != close.session) return;
  peer->second.session = 0;
  peer->second.away_since = context_->now;
}

void Checker::OnRelease(const core::Effect& effect, const SimJournal& journal) {
  if (const auto* assign = std::get_if<core::SendAssign>(&effect)) {
    const DurableRun* run = journal.Find(assign->assign.run_id());
    if (run == nullptr ||
        std::none_of(run->events.begin(), run->events.end(), [&](const v1::Event& event) {
          return event.attempt_started().token() == assign->assign.token();
        })) {
      Broken("an assignment left before its attempt was durable");
    }
  } else if (const auto* ack = std::get_if<core::SendAck>(&effect)) {
    CheckAck(ack->token, journal);
  } else if (const auto* cancel = std::get_if<core::SendCancel>(&effect)) {
    CheckCancel(*cancel, journal);
  } else if (const auto* ended = std::get_if<core::RunEnded>(&effect)) {
    const DurableRun* run = journal.Find(ended->run_id);
    if (run == nullptr || run->summary.ended_unix_ms() == 0) {
      Broken("the end of " + ended->run_id + " was told before it was durable");
    }
  }
}

// An executor drops its result for this ack (or what it keeps of a lost task): the journal must have it,
// or the run must be over.
void Checker::CheckAck(const std::string& token, const SimJournal& journal) {
  const TokenOwner* owner = OwnerOf(token);
  if (owner == nullptr) Broken("an ack for a token that was never given out");
  const DurableRun* run = journal.Find(owner->run_id);
  if (run == nullptr) Broken("an ack for a run that is not in the journal");
  for (const v1::Event& event : run->events) {
    if (event.has_ended()) return;
    // A lost one that another attempt has outrun leaves no record.
    if (told_lost_.contains(token) &&
        (event.settled().node() == owner->node || event.restarted().node() == owner->node ||
         event.attempt_ended().node() == owner->node)) {
      return;
    }
    if (event.attempt_ended().node() == owner->node &&
        event.attempt_ended().attempt() == owner->attempt &&
        (event.attempt_ended().ended_unix_ms() != 0 || told_lost_.contains(token))) {
      return;
    }
  }
  Broken("the ack of " + token + " left before its end was durable");
}

void Checker::CheckCancel(const core::SendCancel& cancel, const SimJournal& journal) {
  const std::string& token = cancel.token;
  const TokenOwner* owner = OwnerOf(token);
  if (owner == nullptr) return;
  const DurableRun* run = journal.Find(owner->run_id);
  if (run == nullptr) Broken("a task was cancelled whose run is not in the journal");
  if (cancel.reason.starts_with(core::kOverCeiling)) {
    const v1::RunSettings& settings = Find(owner->run_id)->run.header.settings();
    if (settings.tokens_max() == 0 && settings.cost_micros_max() == 0 && !settings_.day.any())
      Broken(token + " was stopped over a ceiling that nobody has set");
    return context_->Passed("budget: a call that passes a ceiling is stopped");
  }
  bool held = false;
  for (const v1::Event& event : run->events) {
    if (event.has_ended() || event.settled().node() == owner->node) return;
    if (event.restarted().node() == owner->node) return;
    if (event.attempt_ended().node() == owner->node && !event.attempt_ended().discarded()) held = true;
    if (event.requeued().node() == owner->node || event.attempt_started().node() == owner->node) {
      held = false;
    }
  }
  if (held) return;  // until the run goes on
  Broken("a task was cancelled that its run still waits for: " + token);
}

}  // namespace odw::sim
