#include "daemon/core/scheduler.h"

#include <algorithm>

#include "daemon/base/ids.h"
#include "daemon/core/planted_bug.h"

namespace odw::core {
namespace {

constexpr char kAnyModel[] = "*";

bool Serves(const v1::Register& info, const std::string& provider, const std::string& model) {
  if (info.models().empty() || (provider.empty() && model.empty())) return true;
  return std::any_of(info.models().begin(), info.models().end(), [&](const v1::Model& offered) {
    return (provider.empty() || offered.provider() == provider) &&
           (model.empty() || offered.name() == model || offered.name() == kAnyModel);
  });
}

bool Names(const v1::Register& info, const std::string& model) {
  return std::any_of(info.models().begin(), info.models().end(),
                     [&](const v1::Model& offered) { return offered.name() == model; });
}

// Of what a pool allows at most, and of what a node asks for: "" is no limit of the pool's.
int PermissionRank(const std::string& permission) {
  if (permission == "read-only") return 1;
  if (permission == "workspace-write") return 2;
  return 3;
}

template <typename List>
bool Contains(const List& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

template <typename Suits>
void Prefer(std::vector<Executor*>* candidates, Suits suits) {
  std::vector<Executor*> suited;
  for (Executor* executor : *candidates) {
    if (suits(executor->info)) suited.push_back(executor);
  }
  if (!suited.empty()) *candidates = std::move(suited);
}

// What may run a second time while the first one's fate is unknown.
bool Repeatable(const v1::AgentRequest& request, const v1::Register& executor) {
  if (request.isolation() == "worktree") return true;
  if (request.runtime() == "command") {
    return Contains(executor.read_only_commands(), request.command());
  }
  return request.runtime() == "mock" || request.permission() == "read-only";
}

// What the node's next attempt goes on with at `executor`; null: it begins a session.
const RuntimeSession* SessionAt(const Node& node, const Executor& executor) {
  const RuntimeSession* session = node.session.get();
  const bool same = session != nullptr && session->executor_id == executor.info.executor_id() &&
                    session->runtime == node.details->request.runtime() &&
                    session->runtime == executor.info.runtime();
  return same ? session : nullptr;
}

}  // namespace

bool Scheduler::MayStart(const Run& run) const {
  if (run.paused() && !PlantedBug(Bug::kStartsWhilePaused)) return false;
  return run.live.running < run.header.settings().concurrency();
}

Scheduler::Demand* Scheduler::DemandOf(const v1::AgentRequest& request) {
  std::string key = request.runtime();
  for (const std::string& part : {request.provider(), request.model(), request.command(),
                                  request.permission(), request.isolation()}) {
    key += '\0';
    key += part;
  }
  std::unique_ptr<Demand>& demand = demands_[key];
  if (!demand) {
    demand = std::make_unique<Demand>();
    demand->runtime = request.runtime();
    demand->provider = request.provider();
    demand->model = request.model();
    demand->command = request.command();
    demand->permission = request.permission();
    demand->worktree = request.isolation() == "worktree";
    order_.push_back(demand.get());
  }
  return demand.get();
}

void Scheduler::AddToRing(Demand* demand, RunQueue* queue) {
  if (queue->in_ring || queue->nodes.empty()) return;
  queue->in_ring = true;
  std::unique_ptr<OwnerRing>& owner = demand->by_owner[queue->run->header.owner()];
  if (!owner) owner = std::make_unique<OwnerRing>();
  owner->runs.push_back(queue);
  if (owner->in_ring) return;
  owner->in_ring = true;
  demand->owners.push_back(owner.get());
}

void Scheduler::Enqueue(Run* run, NodeId node) {
  Demand* demand = DemandOf(run->node(node).details->request);
  std::unique_ptr<RunQueue>& queue = demand->by_run[run];
  if (!queue) {
    queue = std::make_unique<RunQueue>();
    queue->run = run;
  }
  queue->nodes.push_back(node);
  if (MayStart(*run)) AddToRing(demand, queue.get());
}

void Scheduler::Forget(Run* run) {
  for (Demand* demand : order_) {
    const auto found = demand->by_run.find(run);
    if (found == demand->by_run.end()) continue;
    for (auto& [name, owner] : demand->by_owner) {
      std::erase(owner->runs, found->second.get());
    }
    demand->by_run.erase(found);
  }
  // Demands are named by scripts: those that no run has any more go, or a long life would fill up.
  std::erase_if(order_, [](const Demand* demand) { return demand->by_run.empty(); });
  absl::erase_if(demands_, [](const auto& entry) { return entry.second->by_run.empty(); });
}

void Scheduler::RunMayStart(Run* run) {
  if (!MayStart(*run)) return;
  for (Demand* demand : order_) {
    const auto found = demand->by_run.find(run);
    if (found != demand->by_run.end()) AddToRing(demand, found->second.get());
  }
}

void Scheduler::WaitForDay(const Run& run) {
  const uint32_t day = DayOf(world_->now_ms());
  if (std::exchange(day_alarm_, day) != day) {
    world_->WakeAt(absl::FromUnixMillis(EndOfDayMs(day)), Alarm::Kind::kDayEnds, "");
  }
  day_waiters_.push_back(run.id());
  world_->MarkDirty(world_->FindRun(run.id()));  // it says so
}

void Scheduler::DayHasRoom() {
  for (const std::string& run_id : std::exchange(day_waiters_, {})) {
    Run* run = world_->FindRun(run_id);
    if (run != nullptr && !run->ended() && !run->returned) RunMayStart(run);
  }
}

void Scheduler::ExecutorsChanged() {
  for (Demand* demand : order_) demand->candidates_stale = true;
  for (auto& [id, run] : world_->runs) {
    if (!run->ended() && run->counts.queued > 0) world_->MarkDirty(run.get());
  }
}

void Scheduler::RefreshCandidates(Demand* demand) {
  if (!demand->candidates_stale) return;
  demand->candidates_stale = false;
  demand->candidates.clear();
  for (auto& [id, executor] : world_->executors) {
    if (!executor->connected() || executor->info.runtime() != demand->runtime) continue;
    if (!Serves(executor->info, demand->provider, demand->model)) continue;
    demand->candidates.push_back(executor.get());
  }
  // Each of these chooses among several; where none will do, any executor of the runtime names the error.
  Prefer(&demand->candidates, [&](const v1::Register& info) {
    return Contains(info.commands(), demand->command);
  });
  Prefer(&demand->candidates,
         [&](const v1::Register& info) { return info.worktrees() || !demand->worktree; });
  Prefer(&demand->candidates, [&](const v1::Register& info) {
    return demand->permission.empty() ||
           PermissionRank(info.permission_max()) >= PermissionRank(demand->permission);
  });
  Prefer(&demand->candidates, [&](const v1::Register& info) {
    return demand->model.empty() || Names(info, demand->model);
  });
  std::sort(demand->candidates.begin(), demand->candidates.end(), [](Executor* a, Executor* b) {
    return a->info.executor_id() < b->info.executor_id();
  });
}

Executor* Scheduler::FreeExecutor(Demand* demand) {
  RefreshCandidates(demand);
  Executor* best = nullptr;
  for (Executor* executor : demand->candidates) {
    if (!executor->has_free_slot() || !Admits(*executor, demand->provider)) continue;
    // The emptiest by share: a/b < c/d without division.
    if (best == nullptr || executor->tokens.size() * best->info.slots() <
                               best->tokens.size() * executor->info.slots()) {
      best = executor;
    }
  }
  return best;
}

bool Scheduler::Admits(const Executor& executor, const std::string& provider) const {
  return !world_->breakers.any_open() || PlantedBug(Bug::kBreakerIgnored) ||
         world_->breakers.Admits(Breakers::NameOf(executor.info, provider), world_->now());
}

std::optional<Breakers::Shut> Scheduler::ShutFor(const Demand& demand) const {
  if (!world_->breakers.any_open()) return std::nullopt;
  std::optional<Breakers::Shut> first;
  for (const Executor* executor : demand.candidates) {
    const std::optional<Breakers::Shut> shut = world_->breakers.ShutAt(
        Breakers::NameOf(executor->info, demand.provider), world_->now());
    if (!shut) return std::nullopt;
    if (!first || shut->until < first->until) first = shut;
  }
  return first;
}

void Scheduler::ShutOutAll(Demand* demand, const Breakers::Shut& shut) {
  std::vector<RunQueue*> queues;
  for (auto& [run, queue] : demand->by_run) {
    if (!run->paused()) queues.push_back(queue.get());
  }
  std::sort(queues.begin(), queues.end(),
            [](RunQueue* a, RunQueue* b) { return a->run->id() < b->run->id(); });
  for (RunQueue* queue : queues) {
    for (const NodeId node : std::exchange(queue->nodes, {})) {
      if (!Waits(*queue->run, node, *demand)) continue;
      shut_out_.push_back(
          {.run = queue->run, .node = node, .error = shut.error, .counts = shut.fresh});
    }
  }
}

// The one that holds the session of the node's last attempt, where it can take the node now.
Executor* Scheduler::WithItsSession(const Node& node, Executor* otherwise) const {
  if (!node.session) return otherwise;
  Executor* holder = world_->FindExecutor(node.session->executor_id);
  const bool free = holder != nullptr && holder->has_free_slot() && SessionAt(node, *holder) &&
                    Admits(*holder, node.details->request.provider());
  return free ? holder : otherwise;
}

// Entries outlive what they were made for: a node that was settled, or that asks for another model now.
bool Scheduler::Waits(const Run& run, NodeId id, const Demand& demand) {
  const Node& node = run.node(id);
  if (node.phase != NodePhase::kQueued) return false;
  const v1::AgentRequest& request = node.details->request;
  return request.runtime() == demand.runtime && request.provider() == demand.provider &&
         request.model() == demand.model;
}

Scheduler::RunQueue* Scheduler::Next(Demand* demand) {
  while (!demand->owners.empty()) {
    OwnerRing* owner = demand->owners.front();
    if (owner->runs.empty()) {
      owner->in_ring = false;
      demand->owners.pop_front();
      continue;
    }
    RunQueue* queue = owner->runs.front();
    while (!queue->nodes.empty() && !Waits(*queue->run, queue->nodes.front(), *demand)) {
      queue->nodes.pop_front();
    }
    if (!queue->nodes.empty() && MayStart(*queue->run)) return queue;
    queue->in_ring = false;  // comes back by Enqueue or RunMayStart
    owner->runs.pop_front();
  }
  return nullptr;
}

Affordance Scheduler::AffordAt(const Run& run, NodeId id, const Executor& executor) const {
  const bool of_run = HasCeiling(run.header.settings());
  if (!of_run && !world_->day.ceilings().any()) return {};
  std::vector<const Attempt*> in_flight;
  for (const std::string& token : run.live.tokens) {
    const TokenRef ref = world_->tokens.at(token);
    in_flight.push_back(FindAttempt(ref.run->node(ref.node), ref.attempt));
  }
  const Node& node = run.node(id);
  const v1::Model* price = PriceAt(executor.info, node.details->request);
  Affordance afford = of_run ? Afford(run, node, in_flight, price) : Affordance();
  if (PlantedBug(Bug::kReservationIgnored) && afford.kind == Affordance::Kind::kWaits) return {};
  world_->day.Afford(world_->now_ms(), node, price, &afford);
  return afford;
}

void Scheduler::Assign(Run* run, NodeId id, Executor* executor, const Affordance& afford) {
  Node& node = run->node(id);
  const uint32_t number = node.attempts_started + 1;
  const std::string token = AttemptToken(run->id(), id, number);
  v1::Event event;
  v1::AttemptStarted* started = event.mutable_attempt_started();
  started->set_node(id);
  started->set_attempt(number);
  started->set_token(token);
  started->set_executor_id(executor->info.executor_id());
  started->set_executor_pid(executor->info.pid());
  started->set_repeatable(Repeatable(node.details->request, executor->info));
  started->set_runtime(node.details->request.runtime());
  started->set_provider(node.details->request.provider());
  started->set_model(node.details->request.model());
  started->set_reserved_tokens(afford.reserved_tokens);
  started->set_reserved_micros(afford.reserved_micros);
  started->set_output_tokens_max(afford.output_tokens_max);
  const RuntimeSession* session = SessionAt(node, *executor);
  SendAssign send{.session = executor->session, .prompt = node.details->prompt};
  if (session != nullptr) {
    started->set_resume_session(session->id);
    send.assign.set_resume_session(session->id);
    send.assign.set_resume_token(session->token);
  }
  world_->Emit(run, std::move(event));

  ++run->live.running;
  run->live.tokens.insert(token);
  executor->tokens.insert(token);
  world_->lanes.Start(Lanes::NameOf(node.details->request.runtime(), node.details->request.provider()),
                      token);
  world_->breakers.Start(
      Breakers::NameOf(executor->info, node.details->request.provider()), token);
  world_->day.Hold(token, afford.day);
  world_->tokens[token] = TokenRef{.run = run, .node = id, .attempt = number};
  ++world_->stats.assigns;

  send.assign.set_session_epoch(executor->info.session_epoch());
  send.assign.set_token(token);
  send.assign.set_run_id(run->id());
  send.assign.set_node(id);
  send.assign.set_attempt(number);
  *send.assign.mutable_request() = node.details->request;
  if (afford.output_tokens_max > 0) {
    send.assign.mutable_request()->set_output_tokens_max(afford.output_tokens_max);
  }
  world_->Do(std::move(send));
}

bool Scheduler::AssignOne(Demand* demand) {
  if (demand->owners.empty()) return false;
  if (!world_->lanes.HasRoom(Lanes::NameOf(demand->runtime, demand->provider)) &&
      !PlantedBug(Bug::kLaneIgnored)) {
    return false;
  }
  Executor* executor = FreeExecutor(demand);
  if (executor == nullptr) {
    if (const std::optional<Breakers::Shut> shut = ShutFor(*demand)) ShutOutAll(demand, *shut);
    return false;
  }
  RunQueue* queue = Next(demand);
  if (queue == nullptr) return false;
  const NodeId node = queue->nodes.front();
  executor = WithItsSession(queue->run->node(node), executor);
  const Affordance afford = AffordAt(*queue->run, node, *executor);
  OwnerRing* owner = demand->owners.front();
  owner->runs.pop_front();
  queue->in_ring = false;
  if (afford.kind == Affordance::Kind::kWaits) return true;  // comes back when one of its run ends
  if (afford.kind == Affordance::Kind::kWaitsForDay) {
    WaitForDay(*queue->run);
    return true;
  }
  if (afford.kind != Affordance::Kind::kFits) {
    const bool pauses = afford.kind == Affordance::Kind::kPauses;
    // A refused node stays at the front until it is settled: its run may be paused before.
    unaffordable_.push_back({.run = queue->run,
                             .node = node,
                             .pauses = pauses,
                             .until_unix_ms = afford.until_unix_ms,
                             .why = afford.why});
    return true;  // comes back once that was seen to
  }
  queue->nodes.pop_front();
  // Round robin: the run goes to the end of its owner's ring, the owner to the end of the demand's.
  demand->owners.pop_front();
  demand->owners.push_back(owner);
  Assign(queue->run, node, executor, afford);
  if (MayStart(*queue->run)) AddToRing(demand, queue);
  return true;
}

void Scheduler::AssignReady() {
  for (bool progress = true; progress;) {
    progress = false;
    for (Demand* demand : order_) progress |= AssignOne(demand);
  }
}

bool Scheduler::Served(const v1::AgentRequest& request) const {
  return std::any_of(world_->executors.begin(), world_->executors.end(), [&](const auto& entry) {
    return entry.second->connected() && entry.second->info.runtime() == request.runtime() &&
           Serves(entry.second->info, request.provider(), request.model());
  });
}

std::string Scheduler::WhyWaits(const Demand& demand) const {
  const std::string what =
      demand.runtime + (demand.provider.empty() ? "" : ", provider " + demand.provider);
  bool served = false, asked = false;
  std::string why;
  for (const auto& [id, executor] : world_->executors) {
    const bool serves = executor->connected() && !executor->draining &&
                        executor->info.runtime() == demand.runtime &&
                        Serves(executor->info, demand.provider, demand.model);
    if (!serves) continue;
    served = true;
    const std::string shut =
        world_->breakers.WhyShut(Breakers::NameOf(executor->info, demand.provider));
    asked |= shut.empty();
    why = std::max(why, shut);  // of several, whatever the order of the table
  }
  if (!served) {
    return "blocked: no executor for " + what +
           (demand.model.empty() ? "" : ", model " + demand.model);
  }
  if (!asked) return "provider not asked: " + what + ": " + why;
  const uint32_t limit = world_->lanes.LimitOf(Lanes::NameOf(demand.runtime, demand.provider));
  if (limit == 0) return "";
  return "provider limit: " + what + " takes " + std::to_string(limit) + " at a time for now";
}

// A call that waits for a breaker is in no queue.
bool Scheduler::HasShutOut(const Run& run, const Demand& demand) const {
  if (!world_->breakers.any_open() || run.counts.queued == 0) return false;
  return std::any_of(run.nodes.begin(), run.nodes.end(), [&](const Node& node) {
    return node.phase == NodePhase::kBackoff && node.details->request.runtime() == demand.runtime &&
           node.details->request.provider() == demand.provider;
  });
}

std::vector<std::string> Scheduler::WaitingFor(const Run& run) const {
  std::vector<std::string> reasons;
  for (const Demand* demand : order_) {
    const auto found = demand->by_run.find(&run);
    if (found == demand->by_run.end()) continue;
    if (found->second->nodes.empty() && !HasShutOut(run, *demand)) continue;
    std::string why = WhyWaits(*demand);
    const bool said = std::find(reasons.begin(), reasons.end(), why) != reasons.end();
    if (!why.empty() && !said) reasons.push_back(std::move(why));
  }
  if (std::find(day_waiters_.begin(), day_waiters_.end(), run.id()) != day_waiters_.end()) {
    reasons.push_back("day ceiling: what calls in flight may use is all that is left of today");
  }
  return reasons;
}

}  // namespace odw::core
