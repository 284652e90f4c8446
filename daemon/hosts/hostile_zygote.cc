// For hosts_test: a zygote whose hosts say Ready again when they are given a run, to be given another one too.
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "daemon/base/fd.h"
#include "daemon/base/frame.h"
#include "odw/v1/script.pb.h"

namespace {

constexpr int kControlFd = 3;
constexpr size_t kRequestBytesMax = 4096;

// The descriptor that comes with the next request; -1 at the end.
int NextSocket() {
  char bytes[kRequestBytesMax];
  char space[CMSG_SPACE(sizeof(int))] = {};
  iovec part{bytes, sizeof bytes};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  if (recvmsg(kControlFd, &message, 0) <= 0) return -1;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr) return -1;
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

void Say(int socket, const odw::v1::script::FromHost& message) {
  (void)odw::WriteFrame(socket, message.SerializeAsString());
}

[[noreturn]] void PlayHost(int socket) {
  odw::v1::script::FromHost ready;
  ready.mutable_ready()->set_pid(static_cast<uint32_t>(getpid()));
  Say(socket, ready);
  odw::FrameReader reader;
  for (;;) {
    const auto frame = odw::ReadFrame(socket, &reader);
    if (!frame.ok() || !frame->has_value()) _exit(0);
    Say(socket, ready);
  }
}

}  // namespace

int main() {
  for (int socket = NextSocket(); socket >= 0; socket = NextSocket()) {
    if (fork() == 0) PlayHost(socket);
    close(socket);
  }
  return 0;
}
