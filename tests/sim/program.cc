#include "tests/sim/program.h"

namespace odw::sim {
namespace {

using Kind = Expr::Kind;

class Generator {
 public:
  Generator(Rng* rng, Program* program, Flavour flavour)
      : rng_(rng), program_(program), flavour_(flavour) {}

  Expr Body() {
    if (program_->settings.agents_max() < 100 || program_->settings.has_budget_total())
      return Refused();
    Expr body = Make(Kind::kSequence);
    for (uint64_t n = rng_->Between(1, 4); n > 0; --n) {
      body.parts.push_back(flavour_ == Flavour::kProviders ? Crowd() : Any(0));
    }
    if (rng_->OneIn(25)) body.parts.push_back(Make(Kind::kNever));
    if (rng_->OneIn(12)) body.parts.push_back(Make(Kind::kThrow));
    return body;
  }

 private:
  Expr Make(Kind kind) { return Expr{.kind = kind, .id = ++last_id_}; }

  Expr Agent() {
    ++agents_;
    Expr agent = Make(Kind::kAgent);
    agent.plan = RandomPlan(rng_);
    if (flavour_ == Flavour::kTwoMachines) {
      agent.runtime = "command";
      agent.command = "count";
      return agent;
    }
    if (flavour_ == Flavour::kProviders) {
      agent.plan = ProviderPlan(rng_);
      agent.runtime = "codex";
      if (rng_->OneIn(3)) agent.model = "x";
      if (rng_->OneIn(4)) agent.fallback = {"codex/x", "mock:p/y"};
      return agent;
    }
    switch (rng_->Below(12)) {
      case 0:
      case 1:
      case 2:
        agent.runtime = "command";
        agent.command = "count";
        break;
      case 3:
        agent.runtime = "command";
        agent.command = "write";
        break;
      case 4:
      case 5: agent.runtime = "codex"; break;
      case 6:
        agent.runtime = "codex";
        agent.isolation = "worktree";
        break;
      default: break;  // the default runtime: mock
    }
    if (rng_->OneIn(6)) agent.fallback = {"codex/x", "mock:p/y"};
    if (rng_->OneIn(80)) {
      agent.runtime = "ghost";
      program_->has_unserved_runtime = true;
    }
    return agent;
  }

  // A script that meets its cap or budget: in sequence, so that which call is refused is known.
  Expr Refused() {
    Expr loop = Make(Kind::kLoop);
    loop.count = static_cast<uint32_t>(rng_->Between(2, 8));
    Expr agent = Agent();
    agent.runtime.clear();  // the others refuse to be asked for a few tokens
    agent.model.clear();
    agent.command.clear();
    agent.isolation.clear();
    agent.fallback.clear();
    program_->has_unserved_runtime = false;
    loop.parts.push_back(std::move(agent));
    return loop;
  }

  Expr Any(int depth) {
    const uint64_t pick = rng_->Below(depth >= 2 || agents_ > 14 ? 9 : 20);
    switch (pick) {
      case 0:
      case 1:
      case 2:
      case 3: return Tried(Agent());
      case 4: return Timer();
      case 5: return Make(Kind::kLog);
      case 6: return Make(Kind::kPhase);
      case 7: return rng_->OneIn(2) ? Tried(Make(Kind::kWorkflow)) : Agent();
      case 8: return Cleared(depth);
      case 9:
      case 10:
      case 11:
      case 12: return Group(Kind::kParallel, depth);
      case 13:
      case 14: return Pipeline(depth);
      case 15: program_->order_dependent = true; return Group(Kind::kRace, depth);
      case 16: return Votes();
      case 17:
      case 18: return Unawaited();
      default: return Group(Kind::kSequence, depth);
    }
  }

  Expr Tried(Expr part) {
    Expr tried = Make(Kind::kTry);
    tried.parts.push_back(std::move(part));
    return tried;
  }

  Expr Timer() {
    Expr timer = Make(Kind::kTimer);
    timer.delay_ms = static_cast<uint32_t>(rng_->OneIn(4) ? rng_->Below(30'000) : rng_->Below(50));
    return timer;
  }

  Expr Cleared(int depth) {
    Expr cleared = Make(Kind::kClearedTimer);
    cleared.delay_ms = static_cast<uint32_t>(rng_->Below(2000));
    if (depth < 2 && rng_->OneIn(2)) cleared.parts.push_back(Tried(Agent()));
    return cleared;
  }

  Expr Group(Kind kind, int depth) {
    Expr group = Make(kind);
    for (uint64_t n = rng_->Between(2, 4); n > 0; --n) group.parts.push_back(Any(depth + 1));
    return group;
  }

  Expr Crowd() {
    Expr group = Make(Kind::kParallel);
    for (uint64_t n = rng_->Between(4, 12); n > 0; --n) group.parts.push_back(Tried(Agent()));
    return group;
  }

  Expr Pipeline(int depth) {
    Expr pipeline = Make(Kind::kPipeline);
    pipeline.count = static_cast<uint32_t>(rng_->Between(2, 3));
    for (uint64_t n = rng_->Between(1, 2); n > 0; --n) pipeline.parts.push_back(Any(depth + 1));
    return pipeline;
  }

  Expr Votes() {
    Expr votes = Make(Kind::kVotes);
    votes.count = static_cast<uint32_t>(rng_->Between(1, 3));
    votes.parts.push_back(Agent());
    return votes;
  }

  Expr Unawaited() {
    Expr unawaited = Make(Kind::kUnawaited);
    unawaited.parts.push_back(Agent());
    return unawaited;
  }

  Rng* const rng_;
  Program* const program_;
  const Flavour flavour_;
  uint64_t last_id_ = 0;
  uint64_t agents_ = 0;
};

void AddRate(const char* currency, double per_usd, v1::RunSettings* settings) {
  v1::ExchangeRate* rate = settings->add_exchange();
  rate->set_currency(currency);
  rate->set_per_usd(per_usd);
}

void MakeSettings(Rng* rng, Flavour flavour, v1::RunSettings* settings) {
  settings->set_concurrency(static_cast<uint32_t>(
      flavour == Flavour::kProviders ? rng->Between(4, 16) : rng->Between(1, 4)));
  settings->set_agents_max(1000);
  if (rng->OneIn(14)) {
    settings->set_agents_max(static_cast<uint32_t>(rng->Between(1, 4)));
  } else if (rng->OneIn(14)) {
    settings->set_budget_total(static_cast<double>(rng->Below(25)));
  }
  if (rng->OneIn(8)) settings->set_tokens_max(rng->Between(20, 9000));
  if (rng->OneIn(8)) settings->set_cost_micros_max(static_cast<int64_t>(rng->Between(300, 5000)));
  constexpr const char* kCurrencies[] = {"USD", "CNY", "EUR"};
  settings->set_cost_currency(kCurrencies[rng->Below(3)]);
  AddRate("USD", 1, settings);
  AddRate("CNY", 7.1, settings);
  if (!rng->OneIn(6)) AddRate("EUR", 0.9, settings);
  // Small where calls are refused one after the other: else it depends on the order of answers when it
  // is met.
  const bool in_sequence = settings->agents_max() < 100 || settings->has_budget_total();
  settings->set_call_refusals_max(in_sequence ? static_cast<uint32_t>(rng->Between(3, 20)) : 1000);
  settings->set_return_grace_ms(rng->OneIn(2) ? 2000 : 15'000);
  settings->set_turn_cpu_ms(1000);
  settings->set_default_runtime("mock");
}

}  // namespace

Program RandomProgram(Rng* rng, size_t index, Flavour flavour) {
  Program program;
  MakeSettings(rng, flavour, &program.settings);
  // Which calls come before the money that has no rate depends on the order of answers. A ceiling may
  // come later.
  program.order_dependent = program.settings.exchange_size() < 3;
  program.dialect = rng->OneIn(4) ? v1::ODW : v1::BUILTIN;
  program.source = "program " + std::to_string(index);
  if (rng->OneIn(4)) program.source += std::string(4000, ' ');  // too big to travel inline
  if (rng->OneIn(2)) program.args_json = "\"" + std::string(rng->OneIn(4) ? 3000 : 3, 'a') + "\"";
  if (rng->OneIn(10)) {
    program.divergence.kind = static_cast<Divergence::Kind>(rng->Between(1, 3));
    program.divergence.at = rng->Between(1, 4);
    program.order_dependent = true;
  } else if (rng->OneIn(25)) {
    program.fatal_at_turn = rng->Between(1, 3);
    program.order_dependent = true;
  }
  program.body = Generator(rng, &program, flavour).Body();
  return program;
}

namespace {

void CollectAgents(Expr* expr, std::vector<Expr*>* agents) {
  if (expr->kind == Kind::kVotes) agents->push_back(expr);
  if (expr->kind == Kind::kAgent) agents->push_back(expr);
  for (Expr& part : expr->parts) CollectAgents(&part, agents);
}

}  // namespace

Program EditedProgram(Rng* rng, const Program& program) {
  Program edited = program;
  edited.source += " edited";
  std::vector<Expr*> agents;
  CollectAgents(&edited.body, &agents);
  if (agents.empty()) return edited;
  Expr* chosen = agents[rng->Below(agents.size())];
  if (chosen->kind == Kind::kVotes) {
    ++chosen->count;
    return edited;
  }
  Plan& plan = chosen->plan;
  plan.pad_bytes = plan.pad_bytes > 0 ? 0 : 3000;
  return edited;
}

bool LookUp(const std::string& name, std::string* text) {
  const uint64_t hash = HashOf(name);
  if (hash % 3 == 0) {
    *text = "workflow('" + name + "'): no workflow with that name. Available: none";
    return false;
  }
  *text = "{\"name\":\"" + name + "\",\"source\":\"" +
          std::string(hash % 3 == 1 ? 20 : 4000, 's') + "\"}";
  return true;
}

}  // namespace odw::sim
