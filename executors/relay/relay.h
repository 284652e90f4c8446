// The one way out for a command that has no network: a byte pipe to the address of its model's API
// and to nothing else.
//
//   odw-executor --relay ──starts──▶ bwrap --unshare-net ──▶ odw-executor --behind-relay ──exec──▶
//   CLI
//        ▲                                                        │
//        └────────── a listening socket of the inner network ─────┘
//
// The inner one makes the socket on its loopback, hands it out and becomes the CLI, whose
// environment leads it there: an http:// base URL is rewritten to it, for an https:// one it is the
// CLI's proxy. The outer one carries each connection to the base URL's host and port alone, and
// lives as long as the CLI. The end of TLS stays in the CLI; nobody between sees the key.
#pragma once

#include <string>
#include <vector>

#include "daemon/base/status.h"

namespace odw::executors {

// Where an API listens.
struct ApiAddress {
  bool tls = false;
  std::string host;  // without brackets
  std::string port;
  std::string path;  // "" or from its slash on
};

// InvalidArgument when it is no http:// or https:// URL. User info is passed over.
absl::StatusOr<ApiAddress> ParseApiAddress(const std::string& url);

// Where the API of a command is found: the variable in its environment, else the fixed one.
struct RelayedApi {
  std::string variable;
  std::string otherwise;
};

// The words before a command line, of which `confined` (bubblewrap's) are a part.
std::vector<std::string> RelayWords(const RelayedApi& api,
                                    const std::vector<std::string>& confined);

// True for the command lines that RelayWords makes.
bool IsRelay(int argc, char** argv);
// The process of such a command line. Returns the exit status.
int RelayMain(int argc, char** argv);

// The target of a proxy's request "CONNECT HOST:PORT HTTP/1.1"; empty when it is none.
std::string ConnectTarget(const std::string& head);

}  // namespace odw::executors
