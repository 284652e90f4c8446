// A workflow script as the simulator knows it: a small tree instead of JavaScript, made from a
// seed. Evaluated by Interpreter. Plain data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "odw/v1/journal.pb.h"
#include "tests/sim/plan.h"

namespace odw::sim {

struct Expr {
  enum class Kind {
    kAgent,      // agent(prompt)
    kSequence,   // awaits each part in turn; what one gives is what the next knows
    kTry,        // part, with a catch around it
    kParallel,   // all parts at once; a rejection is null
    kPipeline,   // `count` items through the parts as stages
    kTimer,      // setTimeout(delay_ms)
    kRace,       // the first part to end
    kUnawaited,  // starts the part and goes on
    kLog,
    kPhase,
    kThrow,
    kClearedTimer,  // setTimeout and clearTimeout, the latter after the part
    kNever,         // await of a promise that nothing settles
    kWorkflow,      // workflow(name)
    kLoop,          // `count` times the part, rejections caught
    kVotes,         // `count` times the same call, all at once
  };
  Kind kind = Kind::kAgent;
  uint64_t id = 0;
  std::vector<Expr> parts;
  Plan plan;
  std::string runtime, model, command, isolation;
  std::vector<std::string> fallback;
  uint32_t count = 0;
  uint32_t delay_ms = 0;
};

// A script that is not deterministic: what it does at its call `at` when it runs for a second time.
struct Divergence {
  enum class Kind { kNone, kOtherPrompt, kReturns, kWaitsForEver };
  Kind kind = Kind::kNone;
  uint64_t at = 0;
};

struct Program {
  Expr body;
  v1::Dialect dialect = v1::BUILTIN;
  v1::RunSettings settings;
  std::string source;     // names the program in the simulation's table
  std::string args_json;  // empty: none
  // What it returns depends on which call ends first: nothing can be predicted.
  bool order_dependent = false;
  Divergence divergence;
  uint64_t fatal_at_turn = 0;  // its host dies in this turn, always; 0: never
  bool has_unserved_runtime = false;
};

// The same with one call's prompt and answer changed: what is submitted to resume a run of it.
Program EditedProgram(Rng* rng, const Program& program);

// What a registry says of a workflow's name; false: there is none, and `text` is the refusal.
bool LookUp(const std::string& name, std::string* text);

// kTwoMachines: every call is of one command that may be repeated on one machine and not on
// another, so that attempts of both sorts meet at one node. kProviders: many calls at a time of a
// provider that is often full or broken.
enum class Flavour { kMixed, kTwoMachines, kProviders };

// `index` makes the source unlike that of any other program of the simulation.
Program RandomProgram(Rng* rng, size_t index, Flavour flavour);

}  // namespace odw::sim
