#include "executors/permission.h"

namespace odw::executors {

std::optional<Permission> ParsePermission(const std::string& name) {
  if (name == "read-only") return Permission::kReadOnly;
  if (name == "workspace-write") return Permission::kWorkspaceWrite;
  if (name == "full") return Permission::kFull;
  return std::nullopt;
}

Permission PermissionOf(const odw::v1::AgentRequest& request) {
  return ParsePermission(request.permission()).value_or(Permission::kWorkspaceWrite);
}

const char* NameOf(Permission permission) {
  switch (permission) {
    case Permission::kReadOnly:
      return "read-only";
    case Permission::kWorkspaceWrite:
      return "workspace-write";
    case Permission::kFull:
      return "full";
  }
  return "";
}

bool Restrict(const std::string& permission_max, odw::v1::AgentRequest* request) {
  if (!request->permission().empty() && !ParsePermission(request->permission())) return false;
  if (permission_max.empty()) return true;
  const auto most = ParsePermission(permission_max);
  if (!most) return false;
  if (PermissionOf(*request) > *most) request->set_permission(permission_max);
  return true;
}

}  // namespace odw::executors
