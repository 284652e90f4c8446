#include "client/connection/endpoint.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>

#include "client/failure.h"
#include "daemon/base/fd.h"

namespace odw::client {
namespace {

constexpr size_t kTokenBytesMax = 4096;
constexpr size_t kSocketPathBytesMax = sizeof(sockaddr_un{}.sun_path) - 1;

bool IsLoopback(const std::string& address) {
  return address.rfind("127.", 0) == 0 || address.rfind("[::1]:", 0) == 0 ||
         address.rfind("localhost:", 0) == 0;
}

// One word of characters that a header takes.
bool IsToken(const std::string& text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

absl::StatusOr<Endpoint> UnixEndpoint(const std::string& path) {
  if (path.empty() || path.size() > kSocketPathBytesMax) {
    return UsageError("the socket path has " + std::to_string(path.size()) +
                          " bytes; a unix socket takes 1 to " +
                          std::to_string(kSocketPathBytesMax) + ": " + path,
                      "Choose a shorter folder: --state DIR or ODW_STATE.");
  }
  return Endpoint{.target = "unix:" + path};
}

}  // namespace

absl::StatusOr<Endpoint> ParseEndpoint(const std::string& address, const std::string& token_file) {
  if (address.rfind("unix:", 0) == 0) return UnixEndpoint(address.substr(5));
  if (!address.empty() && address[0] == '/') return UnixEndpoint(address);
  if (address.find(':') == std::string::npos) {
    return UsageError("'" + address + "' is not a daemon's address",
                      "Give unix:PATH or a loopback IP:PORT.");
  }
  if (!IsLoopback(address)) {
    return UsageError("'" + address +
                          "' is not a loopback address: without TLS the token and the "
                          "runs would cross the network in clear",
                      "Use a loopback address, for another host through an ssh tunnel.");
  }
  if (token_file.empty()) {
    return UsageError("a daemon on TCP wants its token, and no token file was given",
                      "Give --token-file <data>/token, or set ODW_TOKEN_FILE.");
  }
  absl::StatusOr<std::string> token = ReadFile(token_file, kTokenBytesMax);
  if (!token.ok()) {
    return UsageError("the token file cannot be read: " + MessageOf(token.status()),
                      "Give the token file of the daemon: <data>/token.");
  }
  while (!token->empty() && strchr(" \r\n\t", token->back()) != nullptr) token->pop_back();
  // gRPC ends the process over a header that is none, and shows it.
  if (!IsToken(*token)) {
    return UsageError("the token file " + token_file + " holds no token",
                      "Give the token file of the daemon: <data>/token.");
  }
  return Endpoint{.target = address, .token = *std::move(token)};
}

bool SocketAnswers(const std::string& path) {
  if (path.size() > kSocketPathBytesMax) return false;
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path.c_str(), path.size());
  return fd.valid() &&
         connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace odw::client
