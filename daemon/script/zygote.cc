#include "daemon/script/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <string>
#include <utility>

#include "daemon/base/fd.h"
#include "daemon/base/frame.h"
#include "daemon/base/kill_point.h"
#include "daemon/base/log.h"
#include "daemon/script/host.h"
#include "daemon/script/sandbox.h"
#include "odw/v1/script.pb.h"

namespace odw::script {
namespace {

namespace pb = ::odw::v1::script;

constexpr size_t kDescriptorsMax = 8;      // in one message
constexpr size_t kWaitingSocketsMax = 64;  // descriptors whose frame is not complete

class Zygote {
 public:
  explicit Zygote(int control_fd) : control_fd_(control_fd) {}

  int Serve();

 private:
  // False at the end of the stream or on an error.
  bool Receive();
  absl::Status Answer(std::string_view frame);
  pb::ZygoteReply Fork(uint64_t id);
  [[noreturn]] void BecomeHost(UniqueFd socket);

  const int control_fd_;
  FrameReader reader_;
  std::deque<UniqueFd> sockets_;
};

bool Zygote::Receive() {
  char bytes[4096];
  iovec part{bytes, sizeof bytes};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kDescriptorsMax)];
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t got;
  do {
    got = recvmsg(control_fd_, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  if (got <= 0) return false;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      sockets_.emplace_back(fd);
    }
  }
  if (sockets_.size() > kWaitingSocketsMax) return false;
  reader_.Feed(std::string_view(bytes, static_cast<size_t>(got)));
  return true;
}

void Zygote::BecomeHost(UniqueFd socket) {
  // Nothing of the zygote's or of a sibling's stays open: 0 to 2 are /dev/null, 3 is the socket.
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int fd = 0; fd <= 2; ++fd) {
#if defined(ODW_SANITIZER)
    if (fd == 2) continue;  // reports
#endif
    dup2(null, fd);
  }
  dup2(socket.get(), 3);
  socket.Release();
  close_range(4, ~0U, 0);
  signal(SIGCHLD, SIG_DFL);
  RunHost(3);
}

pb::ZygoteReply Zygote::Fork(uint64_t id) {
  pb::ZygoteReply reply;
  reply.set_id(id);
  if (sockets_.empty()) {
    reply.set_error("the request came without a descriptor");
    return reply;
  }
  UniqueFd socket = std::move(sockets_.front());
  sockets_.pop_front();
  KillPoint("script_zygote.before_fork");
  KillPoint("script.zygote.before_fork");
  const pid_t pid = fork();
  if (pid == 0) BecomeHost(std::move(socket));
  if (pid < 0) {
    reply.set_error(MessageOf(ErrnoStatus("forking a script host")));
  } else {
    reply.set_pid(static_cast<uint32_t>(pid));
    KillPoint("script_zygote.after_fork");
  }
  return reply;
}

absl::Status Zygote::Answer(std::string_view frame) {
  pb::ZygoteRequest request;
  if (!request.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) {
    return absl::InvalidArgumentError("a frame that is not a ZygoteRequest");
  }
  const pb::ZygoteReply reply = Fork(request.id());
  KillPoint("script.zygote.after_fork");
  return WriteFrame(control_fd_, reply.SerializeAsString());
}

int Zygote::Serve() {
  while (Receive()) {
    for (;;) {
      const absl::StatusOr<std::optional<std::string_view>> frame = reader_.Next();
      const absl::Status status = !frame.ok() ? frame.status()
                                  : *frame    ? Answer(**frame)
                                              : absl::OkStatus();
      if (!status.ok()) {
        LogError("script zygote: " + MessageOf(status));
        return 1;
      }
      if (!*frame) break;
    }
  }
  return 0;
}

}  // namespace

int RunZygote(int control_fd) {
  // The sockets alone say when it is over, here and in every host: a Ctrl-C, or the SIGTERM that a
  // service manager sends to all, is the daemon's to act on.
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  signal(SIGCHLD, SIG_IGN);  // no zombies: nobody waits for a host, its socket says when it is gone
  const absl::Status prepared = PrepareSandbox();
  if (!prepared.ok()) {
    LogError("script zygote: " + MessageOf(prepared));
    return 1;
  }
  return Zygote(control_fd).Serve();
}

}  // namespace odw::script
