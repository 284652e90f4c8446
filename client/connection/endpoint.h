// Where a daemon is and what proves the right to talk to it. Thread-safe.
#pragma once

#include <string>

#include "daemon/base/status.h"

namespace odw::client {

struct Endpoint {
  std::string target;  // "unix:/path/odwd.sock" or "127.0.0.1:7411"
  std::string token;   // for TCP; empty over a unix socket
};

// Checks `address` ("unix:PATH", "/PATH" or a loopback "IP:PORT") and, for TCP, reads the token
// from `token_file`. Fails with a usage failure that names the form that is meant.
absl::StatusOr<Endpoint> ParseEndpoint(const std::string& address, const std::string& token_file);

// Whether something accepts connections on the unix socket at `path` right now. Takes microseconds.
bool SocketAnswers(const std::string& path);

}  // namespace odw::client
