// What must hold before and after gRPC binds a unix socket. By one thread, at start.
#pragma once

#include <string>

#include "daemon/base/status.h"

namespace odw::rpc {

// "/run/x.sock" of "unix:/run/x.sock"; empty for a TCP address.
std::string UnixPathOf(const std::string& address);

// Makes the socket's folder (0700) and removes a socket file that nobody serves. FailedPrecondition
// when somebody does, when the path is something else than a socket, or when others may write to
// the folder.
absl::Status PrepareUnixSocket(const std::string& path);

// 0600.
absl::Status ProtectUnixSocket(const std::string& path);

}  // namespace odw::rpc
