// What a run would take, estimated from a dry run of it on the mock: the calls it made, the size of
// their prompts, and assumptions that are stated with the numbers. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "client/plan/prices.h"
#include "odw/v1/control.pb.h"

namespace odw::client {

struct Range {
  double low = 0;
  double high = 0;
  void Add(const Range& more) {
    low += more.low;
    high += more.high;
  }
};

// Calls of one place in the script that the same model would answer.
struct PlanGroup {
  std::string phase;
  std::string place;    // structural scope with its indices left out: "p1[*]/s0"; empty: the body
  std::string label;    // of the first
  std::string runtime;  // empty: the daemon's default
  std::string provider;
  std::string model;
  std::string isolation;
  uint32_t nodes = 0;
  uint64_t prompt_bytes = 0;
  Range input_tokens, output_tokens;
  Range cost_micros;
  std::string currency;  // empty: no price is known
};

struct Plan {
  std::vector<PlanGroup> groups;  // in call order of their first node
  uint32_t nodes = 0;
  uint32_t commands = 0;   // of these: command nodes, which cost no tokens
  uint32_t worktrees = 0;  // of these: nodes in a git worktree of their own
  uint32_t unpriced = 0;
  Range input_tokens, output_tokens;
  std::map<std::string, Range> cost_micros;  // by currency
  std::vector<std::string> assumptions;
};

// The groups that one model would answer, together.
struct PlanModel {
  std::string runtime, provider, model;
  uint32_t nodes = 0;
  Range input_tokens, output_tokens, cost_micros;
  std::string currency;
};

struct PlanOptions {
  std::string default_runtime;  // of calls that name none
};

// REQUIRES: `run` was read with its nodes, and these name the runtime that was asked for.
Plan EstimatePlan(const v1::Run& run, const Prices& prices, const PlanOptions& options);

// In call order of their first node; command nodes too.
std::vector<PlanModel> ModelsOf(const Plan& plan);

std::string PlanText(const v1::Run& run, const Plan& plan);
std::string PlanToJson(const v1::Run& run, const Plan& plan);

}  // namespace odw::client
