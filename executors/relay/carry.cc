#include "executors/relay/carry.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>

namespace odw::executors {
namespace {

constexpr size_t kHeadBytesMax = 8 << 10;
constexpr size_t kPieceBytes = 64 << 10;
constexpr int kHttpPort = 80;
constexpr int kHttpsPort = 443;
constexpr char kHeadEnd[] = "\r\n\r\n";
constexpr char kTunnelOpen[] = "HTTP/1.1 200 OK\r\n\r\n";
constexpr char kRefused[] =
    "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

// The whole head of an HTTP request, and what came with it; empty when none comes.
std::string ReadHead(int socket) {
  std::string head;
  char piece[1024];
  while (head.find(kHeadEnd) == std::string::npos) {
    const ssize_t got = recv(socket, piece, sizeof piece, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || head.size() > kHeadBytesMax) return "";
    head.append(piece, static_cast<size_t>(got));
  }
  return head;
}

UniqueFd Connect(const ApiAddress& api) {
  addrinfo wanted = {};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(api.host.c_str(), api.port.c_str(), &wanted, &found) != 0) return UniqueFd();
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, freeaddrinfo);
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    UniqueFd socket(::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol));
    if (socket.valid() && connect(socket.get(), at->ai_addr, at->ai_addrlen) == 0) return socket;
  }
  return UniqueFd();
}

bool SendAll(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

struct Side {
  int socket;
  bool ended = false;   // it says no more
  std::string pending;  // for it, not sent yet
};

// False when the connection is over.
bool Take(Side* from, Side* to) {
  char piece[kPieceBytes];
  const ssize_t got = recv(from->socket, piece, sizeof piece, MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) {
    from->ended = true;
    shutdown(to->socket, SHUT_WR);
    return true;
  }
  to->pending.assign(piece, static_cast<size_t>(got));
  return true;
}

bool Give(Side* to) {
  const ssize_t sent =
      send(to->socket, to->pending.data(), to->pending.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) return errno == EAGAIN || errno == EINTR;
  to->pending.erase(0, static_cast<size_t>(sent));
  return true;
}

// Both ways, at most one piece on its way in each.
void Pump(int a, int b) {
  Side sides[2] = {{.socket = a}, {.socket = b}};
  for (;;) {
    pollfd ready[2];
    for (int i = 0; i < 2; ++i) {
      const Side &side = sides[i], &other = sides[1 - i];
      const short events = static_cast<short>((!side.ended && other.pending.empty() ? POLLIN : 0) |
                                              (!side.pending.empty() ? POLLOUT : 0));
      // A hang-up that nobody waits for would be told again and again.
      ready[i] = {.fd = events != 0 ? side.socket : -1, .events = events, .revents = 0};
    }
    if (ready[0].fd < 0 && ready[1].fd < 0) return;
    if (poll(ready, 2, -1) < 0 && errno != EINTR) return;
    for (int i = 0; i < 2; ++i) {
      if (ready[i].revents == 0) continue;
      Side &side = sides[i], &other = sides[1 - i];
      if ((ready[i].events & POLLOUT) != 0 && !Give(&side)) return;
      if ((ready[i].events & POLLIN) != 0 && !Take(&side, &other)) return;
    }
  }
}

}  // namespace

sockaddr_in LoopbackAddress() {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

absl::StatusOr<ApiAddress> ParseApiAddress(const std::string& url) {
  ApiAddress api;
  size_t at = 0;
  for (const std::string scheme : {"http://", "https://"}) {
    if (url.rfind(scheme, 0) == 0) at = scheme.size();
  }
  api.tls = at == sizeof "https://" - 1;
  const size_t end = std::min(url.find_first_of("/?#", at), url.size());
  std::string authority = at == 0 ? "" : url.substr(at, end - at);
  if (const size_t user = authority.rfind('@'); user != std::string::npos)
    authority.erase(0, user + 1);
  api.path = url.substr(end);
  const size_t bracket = authority.find(']');  // [::1]:8080
  const size_t colon = authority.find(':', bracket == std::string::npos ? 0 : bracket);
  api.host = authority.substr(0, colon);
  if (bracket != std::string::npos && api.host.front() == '[')
    api.host = api.host.substr(1, bracket - 1);
  api.port = colon != std::string::npos ? authority.substr(colon + 1)
                                        : std::to_string(api.tls ? kHttpsPort : kHttpPort);
  const bool digits = api.port.find_first_not_of("0123456789") == std::string::npos;
  const bool odd = api.host.find_first_of("[] \t\r\n") != std::string::npos;
  if (api.host.empty() || odd || api.port.empty() || !digits) {
    return absl::InvalidArgumentError(
        "the base URL of the model's API must be http://HOST[:PORT] or https://HOST[:PORT]");
  }
  return api;
}

std::string ConnectTarget(const std::string& head) {
  constexpr std::string_view kVerb = "CONNECT ";
  if (head.compare(0, kVerb.size(), kVerb) != 0) return "";
  const size_t end = head.find(' ', kVerb.size());
  return end == std::string::npos ? "" : head.substr(kVerb.size(), end - kVerb.size());
}

void CarryConnection(UniqueFd inside, const ApiAddress& api) {
  std::string first;
  if (api.tls) {
    const std::string head = ReadHead(inside.get());
    const bool v6 = api.host.find(':') != std::string::npos;
    const std::string only = (v6 ? "[" + api.host + "]" : api.host) + ":" + api.port;
    if (strcasecmp(ConnectTarget(head).c_str(), only.c_str()) != 0) {
      (void)SendAll(inside.get(), kRefused);
      return;
    }
    first = head.substr(head.find(kHeadEnd) + sizeof kHeadEnd - 1);
  }
  const UniqueFd outside = Connect(api);
  if (!outside.valid()) return;
  if (api.tls && !SendAll(inside.get(), kTunnelOpen)) return;
  if (!SendAll(outside.get(), first)) return;
  Pump(inside.get(), outside.get());
}

}  // namespace odw::executors
