#include "daemon/hosts/zygote.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/base/log.h"
#include "odw/v1/script.pb.h"

namespace odw::hosts {
namespace {

constexpr int kControlFd = 3;  // odw-script's contract

// One frame with one descriptor beside its first byte.
absl::Status SendWithFd(int socket, const std::string& bytes, int fd) {
  char space[CMSG_SPACE(sizeof(int))] = {};
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &fd, sizeof fd);
  ssize_t sent;
  do {
    sent = sendmsg(socket, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  // Requests are a few bytes: a stream socket takes them whole or not at all.
  if (sent != static_cast<ssize_t>(bytes.size())) return ErrnoStatus("asking the zygote for a host");
  return absl::OkStatus();
}

}  // namespace

Zygote::Zygote(std::string binary, Poller* poller) : binary_(std::move(binary)), poller_(poller) {}

Zygote::~Zygote() {
  if (!control_.valid()) return;
  poller_->Remove(control_.get());
  control_.Reset();  // the zygote ends at the end of its control stream
  process_.Wait().IgnoreError();
}

absl::Status Zygote::Start() {
  ODW_ASSIGN_OR_RETURN(SocketPair pair, MakeSocketPair());
  ODW_ASSIGN_OR_RETURN(process_, StartSubprocess({.argv = {binary_, "--zygote"},
                                                  .fds = {{pair.theirs.get(), kControlFd}, {2, 2}}}));
  control_ = std::move(pair.ours);
  reader_ = FrameReader();
  poller_->Add(control_.get(), [this](Poller::Ready) { OnReadable(); });
  return absl::OkStatus();
}

void Zygote::OnGone() {
  poller_->Remove(control_.get());
  control_.Reset();
  absl::StatusOr<int> status = process_.Wait();
  LogWarning("the script hosts' zygote ended (" + (status.ok() ? std::to_string(*status) : "?") +
             "); a new one starts with the next host");
}

void Zygote::OnReadable() {
  absl::StatusOr<ssize_t> got = reader_.Fill(control_.get());
  if (!got.ok() || *got == 0) return OnGone();
  for (;;) {
    auto frame = reader_.Next();
    if (!frame.ok()) return OnGone();
    if (!*frame) return;
    v1::script::ZygoteReply reply;
    if (!reply.ParseFromArray((*frame)->data(), static_cast<int>((*frame)->size()))) return OnGone();
    if (reply.pid() == 0) LogWarning("the zygote could not fork a host: " + reply.error());
  }
}

absl::StatusOr<UniqueFd> Zygote::Fork() {
  if (!control_.valid()) ODW_RETURN_IF_ERROR(Start());
  ODW_ASSIGN_OR_RETURN(SocketPair pair, MakeSocketPair());
  v1::script::ZygoteRequest request;
  request.set_id(++last_id_);
  std::string frame;
  AppendFrame(request.SerializeAsString(), &frame);
  absl::Status sent = SendWithFd(control_.get(), frame, pair.theirs.get());
  if (!sent.ok()) return absl::UnavailableError(MessageOf(sent));
  ODW_RETURN_IF_ERROR(SetNonBlocking(pair.ours.get()));
  return std::move(pair.ours);
}

}  // namespace odw::hosts
