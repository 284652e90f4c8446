// Agent definitions (`.claude/agents/*.md`) that a run's agentType may name (SPEC D9). Blocking reads;
// thread-safe.
#pragma once

#include <string>
#include <vector>

#include "daemon/registry/places.h"
#include "odw/v1/journal.pb.h"

namespace odw::registry {

inline constexpr size_t kAgentsMax = 500;
inline constexpr size_t kAgentFileBytesMax = 256u << 10;
// All of them travel in the run's header.
inline constexpr size_t kAgentsBytesMax = 1u << 20;

struct AgentScan {
  std::vector<v1::AgentDefinition> agents;  // a name once: the nearest wins
  std::vector<std::string> warnings;        // name the file
};

// `cwd`: resolved, or empty.
AgentScan ScanAgents(const std::string& cwd, const UserFolders& user);

}  // namespace odw::registry
