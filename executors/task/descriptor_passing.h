// One-byte messages on a unix stream socket, with at most one descriptor each: what executor, task zygote
// and supervisors say to each other.
#pragma once

#include "daemon/base/fd.h"
#include "daemon/base/status.h"

namespace odw::executors {

// Does not wait: Unavailable when the peer is gone or does not read. `fd` < 0: none.
absl::Status SendByte(int socket, char byte, int fd = -1);

struct ReceivedByte {
  char byte = 0;
  UniqueFd fd;
};
// The next message. Unavailable at the end of the stream; DeadlineExceeded when a non-blocking socket has
// nothing now.
absl::StatusOr<ReceivedByte> ReceiveByte(int socket);

}  // namespace odw::executors
