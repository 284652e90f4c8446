// Evaluates a Program as a script host would: one turn for each input, calls numbered in call
// order, all of it a function of the settlements seen so far. Used by the simulated hosts and, with
// an executor that never fails to answer, to predict what an undisturbed run ends with. No
// randomness, no time.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "odw/v1/script.pb.h"
#include "tests/sim/program.h"

namespace odw::sim {

// What a promise gives: a value or a rejection, by its hash.
struct Outcome {
  uint64_t hash = 0;
  bool rejected = false;
  bool operator==(const Outcome&) const = default;
};

// As a script tells them apart.
Outcome TextOutcome(const std::string& text);
Outcome JsonOutcome(const std::string& json);
Outcome UndefinedOutcome();
Outcome RejectionOutcome(const std::string& name, const std::string& message,
                         const std::string& code);

class Interpreter {
 public:
  // `host` differs between any two hosts; only scripts that diverge look at it and at `replay`.
  Interpreter(const Program* program, std::string args_json, uint64_t host, bool replay)
      : program_(program), args_(std::move(args_json)), host_(host), replay_(replay) {}

  void Start();
  void Settle(uint64_t ordinal, Outcome outcome);

  // What the turn asked for: calls, lines, the end. Without `seq`.
  v1::script::Turn TakeTurn();
  uint64_t calls() const { return calls_; }
  bool ended() const { return ended_; }

 private:
  using Continue = std::function<void(Outcome)>;

  void Eval(const Expr& expr, uint64_t input, Continue then);
  void EvalAgent(const Expr& expr, uint64_t input, Continue then);
  void EvalSequence(const Expr& expr, size_t at, Outcome so_far, Continue then);
  void EvalParallel(const std::vector<const Expr*>& parts, std::vector<uint64_t> inputs,
                    Continue then);
  void EvalPipeline(const Expr& expr, uint64_t input, Continue then);
  void EvalStage(const Expr& expr, size_t stage, uint64_t item, Outcome so_far, Continue then);
  void EvalRace(const Expr& expr, uint64_t input, Continue then);
  void EvalClearedTimer(const Expr& expr, uint64_t input, Continue then);
  void EvalLoop(const Expr& expr, uint32_t at, Outcome so_far, Continue then);
  void Say(v1::script::Line::Kind kind, const std::string& text);
  void Finish(Outcome outcome);
  // Null when the script, about to make this call, does something else instead (a divergence).
  v1::script::Call* NewCall(v1::script::CallKind kind, Continue then);

  const Program* const program_;
  const std::string args_;
  const uint64_t host_;
  const bool replay_;
  uint64_t calls_ = 0;
  bool ended_ = false;
  std::map<uint64_t, Continue> waiting_;
  v1::script::Turn turn_;
};

}  // namespace odw::sim
