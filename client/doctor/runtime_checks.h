// What the agent runtimes need, as `odw-executor --doctor` finds it in odwctl's own environment.
// One thread; blocks until every executor has answered or its time is up.
#pragma once

#include <string>
#include <vector>

#include "client/doctor/check.h"

namespace odw::client {

struct RuntimeWish {
  std::string config;  // the executors' TOML file; empty: none
  std::string state;   // for the probe's files; empty: the executor's own choice
  bool probe = false;  // one short prompt to each provider that has a key: it costs tokens
};

// What an executor said of its runtime.
struct RuntimeAnswer {
  std::string runtime;
  std::string out;      // one JSON object (executors/doctor/README.md)
  std::string problem;  // not empty: why there is none
};

// claude, codex and bamboo, all at once. REQUIRES: odw-executor beside this binary.
std::vector<RuntimeAnswer> AskExecutors(const RuntimeWish& wish);

// A check for each runtime and provider of the answer; one kBad check when it is no answer. What is
// not set up is a kNote.
std::vector<Check> ChecksOf(const RuntimeAnswer& answer);

// The answer's `checks` as they are: a JSON list, "[]" when it is no answer.
std::string ChecksJsonOf(const RuntimeAnswer& answer);

}  // namespace odw::client
