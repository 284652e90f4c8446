#include <arpa/inet.h>
#include <sys/un.h>

#include "daemon/config/config.h"

namespace odw::config {
namespace {

constexpr char kUnixScheme[] = "unix:";
// sun_path with its terminating zero.
constexpr size_t kSocketPathBytesMax = sizeof(sockaddr_un::sun_path) - 1;

absl::Status Refuse(const std::string& address, const std::string& why) {
  return absl::InvalidArgumentError("listen address '" + address + "': " + why);
}

bool ParsePort(const std::string& text) {
  if (text.empty() || text.size() > 5) return false;
  unsigned port = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return false;
    port = port * 10 + static_cast<unsigned>(c - '0');
  }
  return port <= 65535;
}

bool IsLoopback(const std::string& host, bool* is_numeric) {
  in_addr v4;
  in6_addr v6;
  *is_numeric = true;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  *is_numeric = false;
  return false;
}

absl::Status CheckTcp(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos || !ParsePort(address.substr(colon + 1))) {
    return Refuse(address, "expected unix:/PATH, 127.0.0.1:PORT or [::1]:PORT");
  }
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  bool is_numeric = false;
  if (IsLoopback(host, &is_numeric)) return absl::OkStatus();
  if (!is_numeric)
    return Refuse(address, "write the loopback address as a number, 127.0.0.1 or [::1]");
  return Refuse(
      address,
      "only loopback addresses are served, because there is no TLS yet and the token would cross "
      "the network in clear; use 127.0.0.1 and reach it from elsewhere through ssh -L");
}

}  // namespace

absl::Status CheckListenAddress(const std::string& address) {
  if (address.rfind(kUnixScheme, 0) != 0) return CheckTcp(address);
  const std::string path = address.substr(sizeof kUnixScheme - 1);
  if (path.empty() || path[0] != '/') return Refuse(address, "a socket's path must be absolute");
  if (path.size() > kSocketPathBytesMax) {
    return Refuse(address, "a socket's path may have " + std::to_string(kSocketPathBytesMax) +
                               " bytes, and this one has " + std::to_string(path.size()) +
                               "; choose a shorter data folder or name the socket with --listen");
  }
  return absl::OkStatus();
}

absl::Status CheckHttpAddress(const std::string& address) { return CheckTcp(address); }

}  // namespace odw::config
