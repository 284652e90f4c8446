// Who calls. A unix socket is guarded by its mode (0600 in a 0700 folder): whoever can open it is
// the daemon's own user. TCP callers send the token file's content as "authorization: Bearer
// <token>".
//
// Threads: Check by any.
#pragma once

#include <grpcpp/server_context.h>

#include <string>

#include "daemon/base/status.h"

namespace odw::rpc {

// The user that odwd runs as, e.g. "kim"; "uid-1000" where it has no name.
std::string OwnUserName();

// The token in `path`, made (0600) when the file is missing. PermissionDenied when others may read
// it.
absl::StatusOr<std::string> LoadOrMakeToken(const std::string& path);

class Auth {
 public:
  // An empty token: no TCP address is served.
  Auth(std::string owner, std::string token) : owner_(std::move(owner)), token_(std::move(token)) {}

  // The caller's owner name, or Unauthenticated with what to do.
  absl::StatusOr<std::string> Check(const grpc::CallbackServerContext& context) const;

 private:
  const std::string owner_;
  const std::string token_;
};

}  // namespace odw::rpc
