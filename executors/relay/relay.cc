#include "executors/relay/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "daemon/base/subprocess.h"
#include "executors/relay/carry.h"
#include "executors/task/child_process.h"
#include "executors/task/descriptor_passing.h"

namespace odw::executors {
namespace {

constexpr char kOuter[] = "--relay";
constexpr char kInner[] = "--behind-relay";
constexpr char kBinary[] = "/odw-executor";
constexpr char kEnd[] = "--";
constexpr int kWordsBefore = 5;  // program, role, variable, otherwise, "--"
constexpr int kHandOverFd = kSecretFd + 1;
constexpr char kHandOver = 'L';
constexpr size_t kConnectionsMax = 64;  // at a time; more are closed as they come
constexpr int kBacklog = 64;
constexpr int kExitFailed = 126;

int Failed(const absl::Status& status) {
  fprintf(stderr, "no connection to the model's API: %s\n", MessageOf(status).c_str());
  return kExitFailed;
}

absl::StatusOr<ApiAddress> AddressOf(char** argv) {
  const char* const url = getenv(argv[2]);
  return ParseApiAddress(url != nullptr && *url != '\0' ? url : argv[3]);
}

// The outer half.

// One process a connection: it waits where it likes, and its end is the connection's.
void StartCarrying(UniqueFd inside, int listener, const ApiAddress& api,
                   std::vector<pid_t>* carriers) {
  std::erase_if(*carriers, [](pid_t pid) { return waitpid(pid, nullptr, WNOHANG) == pid; });
  if (carriers->size() >= kConnectionsMax) return;
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid > 0) carriers->push_back(pid);
  if (pid != 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
  close(listener);
  CarryConnection(std::move(inside), api);
  _exit(0);
}

// Until the command has ended.
void ServeConnections(const Subprocess& command, int listener, const ApiAddress& api) {
  std::vector<pid_t> carriers;
  pollfd ready[] = {{.fd = command.pidfd(), .events = POLLIN, .revents = 0},
                    {.fd = listener, .events = POLLIN, .revents = 0}};
  for (;;) {
    if (poll(ready, 2, -1) < 0) continue;  // a signal
    if (ready[0].revents != 0) break;
    UniqueFd inside(accept4(listener, nullptr, nullptr, SOCK_CLOEXEC));
    if (inside.valid()) StartCarrying(std::move(inside), listener, api, &carriers);
  }
  for (const pid_t pid : carriers) kill(pid, SIGKILL);
  for (const pid_t pid : carriers) waitpid(pid, nullptr, 0);
}

int OuterMain(char** argv) {
  // The group's signals are meant for the command: this one ends with it. A handler, since what is
  // ignored stays so in the command.
  struct sigaction passed_over = {};
  passed_over.sa_handler = [](int) {};
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaction(number, &passed_over, nullptr);
  const absl::StatusOr<ApiAddress> api = AddressOf(argv);
  if (!api.ok()) return Failed(api.status());
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
    return Failed(ErrnoStatus("making a socket pair"));
  const UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  SubprocessOptions options{.fds = {{0, 0}, {1, 1}, {2, 2}, {theirs.get(), kHandOverFd}}};
  if (fcntl(kSecretFd, F_GETFD) >= 0 && kSecretFd != ours.get() && kSecretFd != theirs.get())
    options.fds.emplace_back(kSecretFd, kSecretFd);
  for (char** word = argv + kWordsBefore; *word != nullptr; ++word) options.argv.push_back(*word);
  absl::StatusOr<Subprocess> command = StartSubprocess(options);
  if (!command.ok()) return Failed(command.status());
  theirs.Reset();
  absl::StatusOr<ReceivedByte> handed = ReceiveByte(ours.get());
  if (handed.ok() && handed->fd.valid()) ServeConnections(*command, handed->fd.get(), *api);
  const int status = command->Wait().value_or(kExitFailed);
  return status < 0 ? 128 - status : status;
}

// The inner half.

absl::StatusOr<UniqueFd> ListenOnLoopback(int* port) {
  UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address = LoopbackAddress();
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  if (!listener.valid() || bind(listener.get(), any, size) != 0 ||
      listen(listener.get(), kBacklog) != 0 || getsockname(listener.get(), any, &size) != 0) {
    return ErrnoStatus("listening on the loopback of its own network");
  }
  *port = ntohs(address.sin_port);
  return listener;
}

void PointTo(const std::string& here, const std::string& variable, const ApiAddress& api) {
  for (const char* proxy : {"HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"}) unsetenv(proxy);
  if (!api.tls) {
    setenv(variable.c_str(), (here + api.path).c_str(), 1);
    return;
  }
  for (const char* proxy : {"HTTPS_PROXY", "https_proxy"}) setenv(proxy, here.c_str(), 1);
}

int InnerMain(char** argv) {
  const absl::StatusOr<ApiAddress> api = AddressOf(argv);
  if (!api.ok()) return Failed(api.status());
  int port = 0;
  const absl::StatusOr<UniqueFd> listener = ListenOnLoopback(&port);
  if (!listener.ok()) return Failed(listener.status());
  const absl::Status sent = SendByte(kHandOverFd, kHandOver, listener->get());
  if (!sent.ok()) return Failed(sent);
  close(kHandOverFd);
  PointTo("http://127.0.0.1:" + std::to_string(port), argv[2], *api);
  execv(argv[kWordsBefore], argv + kWordsBefore);
  return Failed(ErrnoStatus(std::string("starting ") + argv[kWordsBefore]));
}

}  // namespace

std::vector<std::string> RelayWords(const RelayedApi& api,
                                    const std::vector<std::string>& confined) {
  const std::string self = OwnBinaryFolder() + kBinary;
  std::vector<std::string> words = {self, kOuter, api.variable, api.otherwise, kEnd};
  words.insert(words.end(), confined.begin(), confined.end());
  words.insert(words.end(), {self, kInner, api.variable, api.otherwise, kEnd});
  return words;
}

bool IsRelay(int argc, char** argv) {
  return argc > kWordsBefore && strcmp(argv[kWordsBefore - 1], kEnd) == 0 &&
         (strcmp(argv[1], kOuter) == 0 || strcmp(argv[1], kInner) == 0);
}

int RelayMain(int, char** argv) {
  return strcmp(argv[1], kOuter) == 0 ? OuterMain(argv) : InnerMain(argv);
}

}  // namespace odw::executors
