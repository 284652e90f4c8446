#include "executors/task/zygote.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <string>

#include "daemon/base/kill_point.h"
#include "daemon/base/subprocess.h"
#include "executors/task/descriptor_passing.h"
#include "executors/task/protocol.h"
#include "executors/task/supervisor.h"

namespace odw::executors {
namespace {

constexpr int kSocketInChild = 3;

void CloseAllFrom(unsigned first) {
  if (close_range(first, ~0u, 0) == 0) return;
  for (int fd = static_cast<int>(first); fd < 4096; ++fd) close(fd);
}

}  // namespace

absl::StatusOr<ZygoteHandle> ForkZygote() {
  ODW_ASSIGN_OR_RETURN(SocketPair pair, MakeSocketPair());
  const pid_t pid = fork();
  if (pid < 0) return ErrnoStatus("forking the task zygote");
  if (pid == 0) ServeAsZygote(pair.theirs.Release());
  ODW_RETURN_IF_ERROR(SetNonBlocking(pair.ours.get()));
  return ZygoteHandle{.pid = pid, .socket = std::move(pair.ours)};
}

absl::StatusOr<ZygoteHandle> ExecZygote() {
  ODW_ASSIGN_OR_RETURN(SocketPair pair, MakeSocketPair());
  ODW_ASSIGN_OR_RETURN(
      const Subprocess child,
      StartSubprocess({.argv = {"/proc/self/exe", "--task-zygote", std::to_string(kSocketInChild)},
                       .fds = {{pair.theirs.get(), kSocketInChild}, {2, 2}}}));
  ODW_RETURN_IF_ERROR(SetNonBlocking(pair.ours.get()));
  return ZygoteHandle{.pid = child.pid(), .socket = std::move(pair.ours)};
}

void ServeAsZygote(int socket) {
  if (socket != kSocketInChild) {
    if (dup2(socket, kSocketInChild) < 0) _exit(1);
  }
  CloseAllFrom(kSocketInChild + 1);  // the executor's locks and sockets are not ours to hold
  setsid();
  prctl(PR_SET_NAME, "odw-zygote");
  signal(SIGCHLD, SIG_IGN);  // dead supervisors are reaped by the kernel
  signal(SIGINT, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  for (;;) {
    absl::StatusOr<ReceivedByte> message = ReceiveByte(kSocketInChild);
    if (!message.ok()) _exit(0);
    if (message->byte != kForkSupervisor || !message->fd.valid()) continue;
    KillPoint("zygote.before_fork");
    // A failed fork closes the supervisor's end: the executor sees its death and tries again.
    if (fork() == 0) {
      close(kSocketInChild);
      SupervisorMain(std::move(message->fd));
    }
    KillPoint("zygote.after_fork");
  }
}

}  // namespace odw::executors
