#include "executors/permission.h"

#include <algorithm>

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

namespace {

// "Bash(git:*)" is a part of what "Bash" allows.
bool Allows(const std::vector<std::string>& tools, const std::string& wanted) {
  return std::any_of(tools.begin(), tools.end(), [&](const std::string& tool) {
    return tool == wanted || tool == wanted.substr(0, wanted.find('('));
  });
}

void RestrictTools(const std::vector<std::string>& tools, odw::v1::AgentRequest* request) {
  if (tools.empty()) return;
  std::vector<std::string> left(request->tools().begin(), request->tools().end());
  if (left.empty()) left = tools;
  std::erase_if(left, [&](const std::string& wanted) { return !Allows(tools, wanted); });
  if (left.empty()) left = {kNoTool};
  request->mutable_tools()->Assign(left.begin(), left.end());
}

}  // namespace

absl::Status Restrict(const PoolLimits& limits, odw::v1::AgentRequest* request) {
  for (const std::string& name : {request->permission(), limits.permission_max}) {
    if (name.empty() || ParsePermission(name)) continue;
    return absl::InvalidArgumentError("permission '" + name +
                                      "' is none: use read-only, workspace-write or full");
  }
  if (const std::string& network = request->network();
      !network.empty() && network != "yes" && network != "no") {
    return absl::InvalidArgumentError("network '" + network + "' is none: use true or false");
  }
  const auto most = ParsePermission(limits.permission_max);
  if (most && PermissionOf(*request) > *most) request->set_permission(limits.permission_max);
  if (limits.network == "no") request->set_network("no");
  RestrictTools(limits.tools, request);
  return absl::OkStatus();
}

}  // namespace odw::executors
