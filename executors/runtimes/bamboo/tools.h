// The tools that bamboo offers a model, and what a call of one means. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "executors/permission.h"
#include "executors/runtimes/bamboo/turn.pb.h"
#include "executors/runtimes/bamboo/workspace.h"
#include "odw/v1/types.pb.h"

namespace odw::executors {

// The names of the tools that a request gets: by its permission and its own list (in bamboo's words
// or in claude's). Empty: none.
std::vector<std::string> ToolsFor(const odw::v1::AgentRequest& request);

// Their definitions as a chat completion's `tools`, JSON.
std::string ToolDefinitions(const std::vector<std::string>& tools);

// What is to be done about one call.
struct ToolAction {
  enum class Kind { kAnswer, kCommand } kind = Kind::kAnswer;
  std::string answer;             // kAnswer: for the model
  bool malformed = false;         // kAnswer: the call itself was wrong
  std::vector<std::string> argv;  // kCommand
  bool is_search = false;         // kCommand: grep, whose status 1 means that nothing matched
  uint64_t timeout_ms = 0;        // kCommand; 0: the default
};

// Carries out what needs no process; says which command to run for what does.
ToolAction Act(const Workspace& workspace, const std::vector<std::string>& tools,
               const ToolCall& call);

}  // namespace odw::executors
