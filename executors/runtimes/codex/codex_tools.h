// What a request's list of tools means for codex, which has switches for some of its tools and no
// list of its own. Thread-safe.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "odw/v1/types.pb.h"

namespace odw::executors {

struct CodexTools {
  std::vector<std::pair<std::string, std::string>> settings;  // for `-c KEY=VALUE`
  bool read_only = false;  // nothing that was listed writes: its sandbox holds that
  std::vector<std::string> not_enforced;
};

// Of names as claude's or codex's own. All of codex's tools, and nothing to set, without a list.
CodexTools CodexToolsOf(const odw::v1::AgentRequest& request);

}  // namespace odw::executors
