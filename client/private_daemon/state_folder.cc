#include "client/private_daemon/state_folder.h"

#include <stdlib.h>
#include <unistd.h>

#include "client/failure.h"

namespace odw::client {
namespace {

std::string Env(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

absl::StatusOr<std::string> ChoosePath(const std::string& flag) {
  if (!flag.empty()) return flag;
  if (!Env("ODW_STATE").empty()) return Env("ODW_STATE");
  if (!Env("XDG_STATE_HOME").empty()) return Env("XDG_STATE_HOME") + "/odw";
  if (!Env("HOME").empty()) return Env("HOME") + "/.local/state/odw";
  return UsageError("there is no folder for the private daemon: HOME is not set",
                    "Name one: --state DIR or ODW_STATE.");
}

}  // namespace

absl::StatusOr<StateFolder> FindStateFolder(const std::string& flag) {
  ODW_ASSIGN_OR_RETURN(std::string path, ChoosePath(flag));
  if (path[0] != '/') {
    char* folder = getcwd(nullptr, 0);
    if (folder == nullptr) {
      return UsageError("the current folder is gone, so '" + path + "' has no place",
                        "Change to a folder that exists, or give an absolute --state.");
    }
    path = std::string(folder) + "/" + path;
    free(folder);
  }
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return StateFolder{.root = path};
}

}  // namespace odw::client
