// File descriptors with an owner, and the few whole-file helpers that several parts need.
// Every descriptor made here is CLOEXEC.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "daemon/base/status.h"

namespace odw {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;
  ~UniqueFd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Reset();

 private:
  int fd_ = -1;
};

struct SocketPair {
  UniqueFd ours;
  UniqueFd theirs;
};
// A connected pair of unix stream sockets.
absl::StatusOr<SocketPair> MakeSocketPair();

absl::Status SetNonBlocking(int fd);

// errno as a status: "opening /x: No such file or directory". ENOENT is NotFound.
absl::Status ErrnoStatus(const std::string& doing);

// The whole file. ResourceExhausted past `bytes_max`.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t bytes_max);

// Replaces `path` through a temporary file and a rename, so that a reader sees the old or the new
// content, never a part. No fsync: guards against a process's death, not the machine's.
absl::Status WriteFileAtomically(const std::string& path, const std::string& content);

// mkdir -p with `mode` for the folders it makes.
absl::Status MakeFolders(const std::string& path, unsigned mode = 0700);

// An exclusive flock on `path` (made if missing), held as long as the descriptor is open.
// FailedPrecondition when another process holds it.
absl::StatusOr<UniqueFd> LockFile(const std::string& path);

// All of `data`, in spite of short writes and signals. The descriptor must be blocking.
absl::Status WriteAll(int fd, const char* data, size_t size);

}  // namespace odw
