#include "tests/sim/simulation.h"

#include <algorithm>

namespace odw::sim {
namespace {

// Past this many steps a history that should have come to rest never will.
constexpr uint64_t kStepsMax = 60'000;
constexpr int64_t kDaySeconds = 24 * 3600;
// What is due later than this is jumped to less often: something else may happen before.
constexpr absl::Duration kFar = absl::Hours(1);

Flavour DrawFlavour(Rng* rng) {
  if (rng->OneIn(4)) return Flavour::kTwoMachines;
  return rng->OneIn(6) ? Flavour::kProviders : Flavour::kMixed;
}

}  // namespace

core::Settings Simulation::DrawSettings(Rng* rng) {
  core::Settings settings;
  settings.script_hosts_max = static_cast<uint32_t>(rng->Between(1, 4));
  if (rng->OneIn(10)) settings.open_runs_max = static_cast<uint32_t>(rng->Between(1, 3));
  settings.lease_grace = absl::Seconds(static_cast<double>(rng->Between(2, 10)));
  if (!rng->OneIn(5)) return settings;
  // No call uses more than the least of these: each day, one may start.
  core::DayCeilings& day = settings.day;
  if (rng->OneIn(2)) day.tokens_max = rng->OneIn(2) ? rng->Between(60, 500) : rng->Between(500, 9000);
  if (day.tokens_max == 0 || rng->OneIn(3)) {
    day.cost_micros_max = static_cast<int64_t>(rng->Between(1500, 9000));
  }
  constexpr std::pair<const char*, double> kRates[] = {{"CNY", 7.1}, {"EUR", 0.9}};
  for (const auto& [currency, per_usd] : kRates) {
    v1::ExchangeRate* rate = day.exchange.Add();
    rate->set_currency(currency);
    rate->set_per_usd(per_usd);
  }
  return settings;
}

Simulation::Simulation(uint64_t seed, Coverage* coverage, bool trace)
    : context_(seed, coverage),
      settings_(DrawSettings(&context_.rng)),
      flavour_(DrawFlavour(&context_.rng)),
      faults_(flavour_ == Flavour::kTwoMachines ? Faults::OfAbsence(&context_.rng)
                                                : Faults::Random(&context_.rng)),
      journal_(&context_),
      checker_(&context_, settings_),
      daemon_(&context_, settings_, &journal_, &checker_, this),
      network_(&context_, [this](core::Input input) { daemon_.Post(std::move(input)); }),
      hosts_(&context_, &programs_, [this](core::Input input) { daemon_.Post(std::move(input)); }),
      client_(&context_, &journal_, &checker_,
              [this](core::Input input) { daemon_.Post(std::move(input)); }) {
  context_.trace = trace;
  if (settings_.day.any()) {  // the day ends while they are at it
    const int64_t day = absl::ToUnixSeconds(context_.now) / kDaySeconds;
    context_.now = context_.latest = absl::FromUnixSeconds(
        (day + 1) * kDaySeconds - static_cast<int64_t>(context_.rng.Between(2, 100)));
  }
  DrawPrograms();
  DrawExecutors();
}

void Simulation::DrawPrograms() {
  Rng* rng = &context_.rng;
  const uint64_t count = rng->Between(1, 4);
  std::vector<const Program*> drawn;
  for (uint64_t i = 0; i < count; ++i) {
    Program program = RandomProgram(rng, i, flavour_);
    const std::string source = program.source;
    drawn.push_back(&(programs_[source] = std::move(program)));
  }
  // Some are submitted twice; few keys, so that they meet.
  for (uint64_t i = 0; i < count + (rng->OneIn(3) ? 1 : 0); ++i) {
    const Program* program = drawn[i < count ? i : rng->Below(count)];
    const std::string key = rng->OneIn(2) ? "key" + std::to_string(rng->Below(3)) : "";
    client_.Plan(program, rng->OneIn(3) ? "ann" : "bob", key);
  }
  // Some are submitted again to resume a run of theirs, as it was or edited.
  if (!rng->OneIn(2)) return;
  for (uint64_t i = 0; i < count; ++i) {
    const Program* program = drawn[i];
    if (program->divergence.kind != Divergence::Kind::kNone || program->fatal_at_turn > 0) continue;
    const Program* again = program;
    if (rng->OneIn(2)) {
      Program edited = EditedProgram(rng, *program);
      const std::string source = edited.source;
      again = &(programs_[source] = std::move(edited));
    }
    client_.PlanResume(again, program, rng->OneIn(3) ? v1::RESUME_PREFIX : v1::RESUME_CONTENT);
  }
}

void Simulation::DrawExecutors() {
  Rng* rng = &context_.rng;
  const auto add = [&](ExecutorConfig config) {
    const bool wide = flavour_ == Flavour::kProviders;
    config.slots = static_cast<uint32_t>(wide ? rng->Between(4, 12) : rng->Between(1, 4));
    if (flavour_ == Flavour::kTwoMachines) config.patience = 16;
    executors_.push_back(
        std::make_unique<SimExecutor>(&context_, &network_, &ledger_, std::move(config)));
  };
  add({.id = "mock-a", .runtime = "mock"});
  if (rng->OneIn(2)) add({.id = "mock-b", .runtime = "mock"});
  const bool two_machines = flavour_ == Flavour::kTwoMachines || rng->OneIn(2);
  add({.id = "command-a",
       .runtime = "command",
       .supervised = true,
       .commands = {"count", "write"},
       .read_only_commands = {"count"}});
  // Another machine whose owner does not vouch for `count`.
  if (two_machines) {
    add({.id = "command-b",
         .runtime = "command",
         .supervised = true,
         .commands = {"count", "write"}});
  }
  add({.id = "codex-a",
       .runtime = "codex",
       .supervised = true,
       .key_id = "aaaa",
       .price_currency = flavour_ == Flavour::kProviders ? "CNY" : ""});
  if (flavour_ == Flavour::kProviders && rng->OneIn(2)) {
    add({.id = "codex-b",
         .runtime = "codex",
         .key_id = rng->OneIn(2) ? "aaaa" : "bbbb",
         .price_currency = "CNY"});
  }
}

void Simulation::List(Actions* actions) {
  daemon_.List(faults_, actions);
  network_.List(faults_, actions);
  if (daemon_.up()) hosts_.List(faults_, daemon_.engine(), actions);
  for (const auto& executor : executors_) executor->List(faults_, daemon_.up(), actions);
  client_.List(faults_, daemon_.up(), actions);
  ListLookups(actions);
  if (context_.calm) return;
  const absl::Time next = NextMoment();  // by the time of the action it may be over
  const bool far = next > context_.now + kFar && !context_.rng.OneIn(24);
  if (next > context_.now && next != absl::InfiniteFuture() && !far) {
    actions->push_back({2, [this, next] { JumpTo(next); }});
  }
  if (flavour_ == Flavour::kTwoMachines && context_.faulty && context_.rng.OneIn(6)) {
    actions->push_back({12, [this] { SwapMachines(); }});
  }
  if (faults_.clock_jump > 0 && context_.faulty && context_.rng.OneIn(4)) {
    actions->push_back({faults_.clock_jump, [this] {
                          const auto seconds = static_cast<int64_t>(context_.rng.Between(1, 40));
                          JumpTo(context_.now +
                                 absl::Seconds(context_.rng.OneIn(5) ? -seconds / 4 : seconds));
                        }});
  }
}

// Answers come late, now and then twice, and to calls that nobody waits for any more.
void Simulation::ListLookups(Actions* actions) {
  if (!daemon_.up()) return;
  for (size_t i = 0; i < lookups_.size(); ++i) {
    actions->push_back({4, [this, i] { AnswerLookup(i); }});
  }
}

void Simulation::AnswerLookup(size_t index) {
  const core::FindWorkflow find = lookups_[index];
  const bool again = !context_.calm && context_.rng.OneIn(6);
  if (!again) lookups_.erase(lookups_.begin() + static_cast<long>(index));
  core::WorkflowFound found{.run_id = find.run_id, .node = find.node};
  std::string text;
  found.ok = LookUp(find.name, &text);
  (found.ok ? found.value_json : found.message) = std::move(text);
  context_.coverage->Count(again ? "workflows answered and once more" : "workflows answered");
  daemon_.Post(std::move(found));
}

bool Simulation::Step() {
  context_.faulty = !context_.calm && context_.rng.OneIn(kStepsBetweenFaults);
  Actions actions;
  List(&actions);
  uint64_t total = 0;
  for (const Action& action : actions) total += action.weight;
  if (total == 0) return false;
  uint64_t pick = context_.rng.Below(total);
  ++context_.step;
  context_.now += absl::Microseconds(static_cast<int64_t>(context_.rng.Below(3000)));
  context_.latest = std::max(context_.latest, context_.now);
  for (const Action& action : actions) {
    if (pick < action.weight) {
      action.run();
      break;
    }
    pick -= action.weight;
  }
  return true;
}

absl::Time Simulation::NextMoment() const {
  absl::Time next = daemon_.NextWake();
  for (const auto& executor : executors_) next = std::min(next, executor->StubbornUntil());
  return next;
}

void Simulation::JumpTo(absl::Time when) {
  context_.coverage->Count(when < context_.now ? "clock jumps back" : "clock jumps");
  context_.now = when;
  context_.latest = std::max(context_.latest, when);
}

// One machine comes back and the other goes away, for longer than a grace.
void Simulation::SwapMachines() {
  std::vector<SimExecutor*> machines;
  for (const auto& executor : executors_) {
    if (executor->id().starts_with("command")) machines.push_back(executor.get());
  }
  machines[reachable_machine_]->CutOff(2 * settings_.lease_grace);
  reachable_machine_ = 1 - reachable_machine_;
  machines[reachable_machine_]->Reconnect();
  context_.Note(machines[reachable_machine_]->id() + " is the machine that can be reached");
}

void Simulation::Chaos() {
  for (uint64_t steps = context_.rng.Between(100, 1500); steps > 0; --steps) Step();
}

void Simulation::Rest() {
  context_.calm = true;
  const uint64_t limit = context_.step + kStepsMax;
  while (true) {
    while (Step()) {
      if (context_.step > limit) Broken("the history does not come to rest");
    }
    const absl::Time next = NextMoment();
    if (next == absl::InfiniteFuture()) return;
    if (next > context_.now) JumpTo(next);
  }
}

void Simulation::Run() {
  Chaos();
  context_.Note("calm from here on");
  Rest();
  if (!client_.done()) Broken("a client waits for an answer for ever");
  CheckDays();
  CheckRestore();
  client_.UnpauseAll();
  Rest();
  CheckRestore();
  CheckWaits();
  Rest();
  CheckResults();
  CheckReused();
  CheckNothingLost();
  CheckRestore();
  client_.CheckPromises();
  CheckNoLeak();
}

void Simulation::StartHost(const core::HostStart& start, const std::string& source,
                           const std::string& args) {
  hosts_.Start(start, source, args);
}
void Simulation::SettleHost(const core::HostSettle& settle, const std::string& value) {
  hosts_.Settle(settle, value);
}
void Simulation::ReleaseHost(const core::HostRelease& release) { hosts_.Release(release); }
void Simulation::SendTo(core::SessionId session, v1::ToExecutor message) {
  network_.Send(session, std::move(message));
}
void Simulation::CloseSession(core::SessionId session) { network_.CloseSession(session); }
void Simulation::OnReply(const core::Reply& reply) { client_.OnReply(reply); }
void Simulation::DaemonDied() {
  hosts_.DaemonDied();
  network_.DaemonDied();
  client_.DaemonDied();
  lookups_.clear();
}

}  // namespace odw::sim
