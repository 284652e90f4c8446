// What a node may do on its host. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/base/status.h"
#include "odw/v1/types.pb.h"

namespace odw::executors {

enum class Permission { kReadOnly, kWorkspaceWrite, kFull };  // from the strictest

std::optional<Permission> ParsePermission(const std::string& name);
// Of a request that has been checked; workspace-write where it says nothing.
Permission PermissionOf(const odw::v1::AgentRequest& request);
const char* NameOf(Permission permission);

// What no node may exceed on an executor, whatever it asks for. Empty: no limit.
struct PoolLimits {
  std::string permission_max;
  std::string network;             // "no" is a limit
  std::vector<std::string> tools;  // the only ones, in the names that nodes use
};

// A list of tools that has nothing but this name offers none: an empty one would offer all.
inline constexpr char kNoTool[] = "none";

// Makes `request` no wider than the pool's limits. InvalidArgument where a permission or the
// network is a word that is none.
absl::Status Restrict(const PoolLimits& limits, odw::v1::AgentRequest* request);

}  // namespace odw::executors
