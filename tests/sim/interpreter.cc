#include "tests/sim/interpreter.h"

#include <memory>

#include "odw/v1/types.pb.h"

namespace odw::sim {
namespace {

constexpr Outcome kNull{.hash = 0x6e756c6c};

uint64_t Mix(uint64_t a, uint64_t b) {
  uint64_t z = a * 0x9e3779b97f4a7c15ull ^ (b + 0xbf58476d1ce4e5b9ull);
  z = (z ^ (z >> 31)) * 0x94d049bb133111ebull;
  return z ^ (z >> 29);
}

Outcome Caught(Outcome outcome) {
  return outcome.rejected ? Outcome{.hash = Mix(outcome.hash, 0xca)} : outcome;
}

}  // namespace

Outcome TextOutcome(const std::string& text) { return {.hash = HashOf(text, 1)}; }
Outcome JsonOutcome(const std::string& json) {
  return json == "null" ? kNull : Outcome{HashOf(json, 2)};
}
Outcome UndefinedOutcome() { return {.hash = 0xdef}; }
Outcome RejectionOutcome(const std::string& name, const std::string& message,
                         const std::string& code) {
  return {.hash = HashOf(name + '|' + message + '|' + code, 3), .rejected = true};
}

void Interpreter::Start() {
  Eval(program_->body, HashOf(args_), [this](Outcome outcome) { Finish(outcome); });
}

void Interpreter::Settle(uint64_t ordinal, Outcome outcome) {
  const auto found = waiting_.find(ordinal);
  if (found == waiting_.end() || ended_) return;  // a cleared timer, a loser of a race
  Continue then = std::move(found->second);
  waiting_.erase(found);
  then(outcome);
}

v1::script::Turn Interpreter::TakeTurn() { return std::exchange(turn_, {}); }

void Interpreter::Finish(Outcome outcome) {
  if (ended_) return;
  ended_ = true;
  if (outcome.rejected) {
    turn_.mutable_thrown()->set_name("Error");
    turn_.mutable_thrown()->set_message("thrown " + HexOf(outcome.hash));
  } else {
    turn_.mutable_returned()->set_value_json('"' + HexOf(outcome.hash) + '"');
  }
}

void Interpreter::Say(v1::script::Line::Kind kind, const std::string& text) {
  v1::script::Line* line = turn_.add_lines();
  line->set_kind(kind);
  line->set_text(text);
}

v1::script::Call* Interpreter::NewCall(v1::script::CallKind kind, Continue then) {
  if (ended_) return nullptr;
  const Divergence& divergence = program_->divergence;
  if (replay_ && divergence.at == calls_ + 1) {
    if (divergence.kind == Divergence::Kind::kReturns) Finish(kNull);
    if (divergence.kind >= Divergence::Kind::kReturns) return nullptr;
  }
  v1::script::Call* call = turn_.add_calls();
  call->set_ordinal(++calls_);
  call->set_kind(kind);
  waiting_[calls_] = std::move(then);
  return call;
}

void Interpreter::EvalAgent(const Expr& expr, uint64_t input, Continue then) {
  v1::script::Call* call = NewCall(v1::script::AGENT, std::move(then));
  if (call == nullptr) return;
  v1::AgentRequest request;
  const Divergence& divergence = program_->divergence;
  if (divergence.kind == Divergence::Kind::kOtherPrompt && divergence.at == calls_) {
    input = Mix(input, host_);
  }
  request.set_prompt(PromptOf(expr.id, input, expr.plan));
  request.set_label("agent " + std::to_string(expr.id));
  request.set_runtime(expr.runtime);
  request.set_model(expr.model);
  request.set_command(expr.command);
  request.set_isolation(expr.isolation);
  for (const std::string& entry : expr.fallback) request.add_fallback(entry);
  request.SerializeToString(call->mutable_request());
}

void Interpreter::EvalSequence(const Expr& expr, size_t at, Outcome so_far, Continue then) {
  if (at == expr.parts.size() || so_far.rejected) return then(so_far);
  Eval(expr.parts[at], so_far.hash, [this, &expr, at, so_far, then](Outcome outcome) {
    outcome.hash = Mix(so_far.hash, outcome.hash);
    EvalSequence(expr, at + 1, outcome, then);
  });
}

void Interpreter::EvalParallel(const std::vector<const Expr*>& parts, std::vector<uint64_t> inputs,
                               Continue then) {
  struct Join {
    std::vector<uint64_t> values;
    size_t missing;
  };
  auto join = std::make_shared<Join>(Join{std::vector<uint64_t>(parts.size()), parts.size()});
  for (size_t i = 0; i < parts.size(); ++i) {
    Eval(*parts[i], inputs[i], [join, i, then](Outcome outcome) {
      join->values[i] = outcome.rejected ? kNull.hash : outcome.hash;
      if (--join->missing > 0) return;
      uint64_t hash = 0;
      for (const uint64_t value : join->values) hash = Mix(hash, value);
      then({.hash = hash});
    });
  }
}

void Interpreter::EvalStage(const Expr& expr, size_t stage, uint64_t item, Outcome so_far,
                            Continue then) {
  if (stage == expr.parts.size() || so_far.rejected) return then(so_far);
  Eval(expr.parts[stage], so_far.hash, [this, &expr, stage, item, then](Outcome outcome) {
    EvalStage(expr, stage + 1, item, outcome, then);
  });
}

void Interpreter::EvalPipeline(const Expr& expr, uint64_t input, Continue then) {
  struct Join {
    std::vector<uint64_t> values;
    size_t missing;
  };
  auto join = std::make_shared<Join>(Join{std::vector<uint64_t>(expr.count), expr.count});
  for (uint64_t item = 0; item < expr.count; ++item) {
    EvalStage(expr, 0, item, {.hash = Mix(input, item)}, [join, item, then](Outcome outcome) {
      join->values[item] = outcome.rejected ? kNull.hash : outcome.hash;
      if (--join->missing > 0) return;
      uint64_t hash = 1;
      for (const uint64_t value : join->values) hash = Mix(hash, value);
      then({.hash = hash});
    });
  }
}

void Interpreter::EvalRace(const Expr& expr, uint64_t input, Continue then) {
  auto won = std::make_shared<bool>(false);
  for (const Expr& part : expr.parts) {
    Eval(part, Mix(input, part.id), [won, then](Outcome outcome) {
      if (!std::exchange(*won, true)) then(outcome);
    });
  }
}

void Interpreter::EvalClearedTimer(const Expr& expr, uint64_t input, Continue then) {
  v1::script::Call* call = NewCall(v1::script::TIMER, [](Outcome) {});
  if (call == nullptr) return;
  call->set_delay_ms(expr.delay_ms);
  const uint64_t timer = calls_;
  auto clear = [this, timer, then](Outcome outcome) {
    if (ended_) return;
    v1::script::Call* cancel = turn_.add_calls();
    cancel->set_kind(v1::script::CANCEL_TIMER);
    cancel->set_target(timer);
    then(outcome);
  };
  if (expr.parts.empty()) return clear({.hash = input});
  Eval(expr.parts[0], input, clear);
}

void Interpreter::EvalLoop(const Expr& expr, uint32_t at, Outcome so_far, Continue then) {
  if (at == expr.count) return then(so_far);
  Eval(expr.parts[0], Mix(so_far.hash, at), [this, &expr, at, so_far, then](Outcome outcome) {
    EvalLoop(expr, at + 1, {.hash = Mix(so_far.hash, Caught(outcome).hash)}, then);
  });
}

void Interpreter::Eval(const Expr& expr, uint64_t input, Continue then) {
  switch (expr.kind) {
    case Expr::Kind::kAgent: return EvalAgent(expr, input, std::move(then));
    case Expr::Kind::kSequence: return EvalSequence(expr, 0, {.hash = input}, std::move(then));
    case Expr::Kind::kTry:
      return Eval(expr.parts[0], input, [then](Outcome outcome) { then(Caught(outcome)); });
    case Expr::Kind::kParallel: {
      std::vector<const Expr*> parts;
      std::vector<uint64_t> inputs;
      for (const Expr& part : expr.parts) {
        parts.push_back(&part);
        inputs.push_back(Mix(input, part.id));
      }
      return EvalParallel(parts, std::move(inputs), std::move(then));
    }
    case Expr::Kind::kPipeline: return EvalPipeline(expr, input, std::move(then));
    case Expr::Kind::kTimer: {
      if (v1::script::Call* call = NewCall(v1::script::TIMER, std::move(then))) {
        call->set_delay_ms(expr.delay_ms);
      }
      return;
    }
    case Expr::Kind::kRace: return EvalRace(expr, input, std::move(then));
    case Expr::Kind::kUnawaited:
      Eval(expr.parts[0], input, [](Outcome) {});
      return then({.hash = input});
    case Expr::Kind::kLog:
      Say(v1::script::Line::LOG, "line " + std::to_string(expr.id) + " " + HexOf(input));
      return then({.hash = input});
    case Expr::Kind::kPhase:
      Say(v1::script::Line::PHASE, "phase " + std::to_string(expr.id));
      return then({.hash = input});
    case Expr::Kind::kThrow: return then({.hash = Mix(input, 0x7), .rejected = true});
    case Expr::Kind::kClearedTimer: return EvalClearedTimer(expr, input, std::move(then));
    case Expr::Kind::kNever: return;
    case Expr::Kind::kWorkflow: {
      if (v1::script::Call* call = NewCall(v1::script::WORKFLOW, std::move(then))) {
        call->set_name("child " + std::to_string(expr.id));
      }
      return;
    }
    case Expr::Kind::kVotes:
      return EvalParallel(std::vector<const Expr*>(expr.count, &expr.parts[0]),
                          std::vector<uint64_t>(expr.count, input), std::move(then));
    case Expr::Kind::kLoop: return EvalLoop(expr, 0, {.hash = input}, std::move(then));
  }
}

}  // namespace odw::sim
