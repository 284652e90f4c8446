#include "tests/sim/sim_hosts.h"

#include <algorithm>

namespace odw::sim {

SimHosts::Host* SimHosts::Find(const std::string& run_id, core::HostEpoch epoch) {
  for (const auto& host : hosts_) {
    if (host->run_id == run_id && host->epoch == epoch) return host.get();
  }
  return nullptr;
}

void SimHosts::Start(const core::HostStart& start, const std::string& source,
                     const std::string& args_json) {
  const auto program = programs_->find(source);
  if (program == programs_->end())
    Broken(start.run_id + ": a host was given a script nobody submitted");
  if (args_json != program->second.args_json)
    Broken(start.run_id + ": a host was given other args");
  auto host = std::make_unique<Host>();
  host->run_id = start.run_id;
  host->epoch = start.epoch;
  host->program = &program->second;
  host->replay = start.start.replay();
  host->script =
      std::make_unique<Interpreter>(host->program, args_json, ++hosts_made_, host->replay);
  host->in.push_back({});
  hosts_.push_back(std::move(host));
}

void SimHosts::Settle(const core::HostSettle& settle, const std::string& value) {
  Host* host = Find(settle.run_id, settle.epoch);
  if (host == nullptr || host->dead) return;  // it died and the core does not know yet
  Item item{.seq = settle.settle.seq(), .call = settle.settle.call()};
  if (settle.fill == core::HostSettle::Fill::kJson) {
    item.outcome = JsonOutcome(value);
  } else if (settle.fill == core::HostSettle::Fill::kText) {
    item.outcome = TextOutcome(value);
  } else if (settle.settle.has_rejection()) {
    const v1::script::Rejection& rejection = settle.settle.rejection();
    item.outcome = RejectionOutcome(rejection.name(), rejection.message(), rejection.code());
  } else {
    item.outcome =
        settle.settle.undefined() ? UndefinedOutcome() : JsonOutcome(settle.settle.value_json());
  }
  host->in.push_back(item);
}

void SimHosts::Release(const core::HostRelease& release) {
  Host* host = Find(release.run_id, release.epoch);
  if (host == nullptr) return;
  host->released = true;
  host->in.clear();
}

void SimHosts::Turn(Host* host) {
  const Item item = host->in.front();
  host->in.pop_front();
  if (host->program->fatal_at_turn == item.seq + 1) {
    host->fatal.emplace().set_message("simulated");
    host->fatal->set_reason(static_cast<v1::script::Fatal::Reason>(host->epoch % 4));
    if (host->fatal->reason() == v1::script::Fatal::UNKNOWN) host->fatal.reset();
    context_->coverage->Count("scripts that kill their host");
    return Die(host);
  }
  if (item.seq == 0) {
    host->script->Start();
  } else {
    host->script->Settle(item.call, item.outcome);
  }
  v1::script::Turn turn = host->script->TakeTurn();
  turn.set_seq(item.seq);
  Send(host, std::move(turn));
}

// Big turns travel in frames; the last one carries the end.
void SimHosts::Send(Host* host, v1::script::Turn turn) {
  while (turn.calls_size() > 1 && context_->rng.OneIn(3)) {
    v1::script::Turn frame;
    frame.set_seq(turn.seq());
    frame.set_more(true);
    frame.mutable_lines()->Swap(turn.mutable_lines());
    const int calls =
        static_cast<int>(context_->rng.Between(1, static_cast<uint64_t>(turn.calls_size() - 1)));
    for (int i = 0; i < calls; ++i) *frame.add_calls() = turn.calls(i);
    turn.mutable_calls()->DeleteSubrange(0, calls);
    host->out.push_back(
        core::HostTurn{.run_id = host->run_id, .epoch = host->epoch, .turn = std::move(frame)});
    context_->coverage->Count("turns in several frames");
  }
  host->out.push_back(
      core::HostTurn{.run_id = host->run_id, .epoch = host->epoch, .turn = std::move(turn)});
}

void SimHosts::Deliver(Host* host) {
  post_(std::move(host->out.front()));
  host->out.pop_front();
}

void SimHosts::NameDeath(const Host& host) const {
  const bool mid_turn = !host.out.empty() && std::get<core::HostTurn>(host.out.back()).turn.more();
  if (mid_turn) context_->Passed("script host: between the frames of a turn");
  if (!host.in.empty() && host.in.front().seq == 0)
    context_->Passed("script host: before its first turn");
  if (!host.in.empty() && host.replay) context_->Passed("script host: in replay");
  if (!host.in.empty() && !host.replay && host.in.front().seq > 0) {
    context_->Passed("script host: settlements unread");
  }
  if (!host.out.empty()) context_->Passed("script host: turns on their way");
  if (host.in.empty() && host.out.empty()) context_->Passed("script host: waiting");
  if (host.released) context_->Passed("script host: released");
}

void SimHosts::Die(Host* host) {
  if (host->dead) return;
  if (!host->out.empty()) {
    // What it had written last is lost.
    const uint64_t kept = context_->rng.Below(host->out.size() + 1);
    host->out.resize(kept);
  }
  NameDeath(*host);
  host->dead = true;
  host->in.clear();
  context_->Note("host " + std::to_string(host->epoch) + " of " + host->run_id + " died");
}

void SimHosts::List(const Faults& faults, const core::Engine& engine, Actions* actions) {
  std::erase_if(hosts_, [](const auto& host) {
    return host->out.empty() && (host->released || host->dead) && host->epoch == 0;
  });
  for (const auto& owned : hosts_) {
    Host* host = owned.get();
    if (host->epoch == 0) continue;
    if (!host->in.empty()) actions->push_back({8, [this, host] { Turn(host); }});
    if (!host->out.empty()) actions->push_back({8, [this, host] { Deliver(host); }});
    if (host->dead && host->out.empty()) {
      actions->push_back({4, [this, host] {
                            post_(core::HostGone{.run_id = host->run_id,
                                                 .epoch = host->epoch,
                                                 .fatal = host->fatal});
                            host->epoch = 0;
                          }});
      continue;
    }
    if (host->released && (host->out.empty() || context_->calm)) {
      host->epoch = 0;
      continue;
    }
    const bool may_die = context_->faulty || (host->released && !context_->calm);
    if (!may_die || faults.host_death == 0 || host->dead) continue;
    const auto run = engine.world().runs.find(host->run_id);
    const bool busy = !host->in.empty() || !host->out.empty();
    // Three deaths in a row without progress are the script's own fault, and fail the run.
    if (busy && run != engine.world().runs.end() && run->second->host.deaths >= 2) continue;
    actions->push_back({host->released ? 12 : faults.host_death, [this, host] { Die(host); }});
  }
}

}  // namespace odw::sim
