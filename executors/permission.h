// What a node may do on its host. Thread-safe.
#pragma once

#include <optional>
#include <string>

#include "odw/v1/types.pb.h"

namespace odw::executors {

enum class Permission { kReadOnly, kWorkspaceWrite, kFull };  // from the strictest

std::optional<Permission> ParsePermission(const std::string& name);
// Of a request that has been checked; workspace-write where it says nothing.
Permission PermissionOf(const odw::v1::AgentRequest& request);
const char* NameOf(Permission permission);

// Makes `request`'s permission no wider than `permission_max` (empty: no limit), the pool's.
// False when either is a word that is none.
bool Restrict(const std::string& permission_max, odw::v1::AgentRequest* request);

}  // namespace odw::executors
