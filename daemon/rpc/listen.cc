#include "daemon/rpc/listen.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/fd.h"

namespace odw::rpc {
namespace {

constexpr char kUnixScheme[] = "unix:";

// True when a process accepts connections there.
absl::StatusOr<bool> IsServed(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return absl::InvalidArgumentError(path + " is too long");
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return ErrnoStatus("making a socket");
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return true;
  if (errno == EAGAIN) return true;  // its queue is full: somebody is there
  if (errno == ECONNREFUSED || errno == ENOENT) return false;
  return ErrnoStatus("trying " + path);
}

absl::Status CheckFolder(const std::string& folder) {
  struct stat info;
  if (stat(folder.c_str(), &info) != 0) return ErrnoStatus("looking at " + folder);
  if (info.st_uid != geteuid() && info.st_uid != 0) {
    return absl::FailedPreconditionError("the socket's folder " + folder +
                                         " belongs to another user");
  }
  if ((info.st_mode & 022) != 0) {
    return absl::FailedPreconditionError("others may write to the socket's folder " + folder +
                                         ": chmod 700 it or choose another folder");
  }
  return absl::OkStatus();
}

}  // namespace

std::string UnixPathOf(const std::string& address) {
  return address.rfind(kUnixScheme, 0) == 0 ? address.substr(sizeof kUnixScheme - 1) : "";
}

absl::Status PrepareUnixSocket(const std::string& path) {
  const std::string folder = path.substr(0, path.rfind('/'));
  if (!folder.empty()) {
    ODW_RETURN_IF_ERROR(MakeFolders(folder, 0700));
    ODW_RETURN_IF_ERROR(CheckFolder(folder));
  }
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? absl::OkStatus() : ErrnoStatus("looking at " + path);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return absl::FailedPreconditionError(path +
                                         " exists and is not a socket: choose another address");
  }
  ODW_ASSIGN_OR_RETURN(const bool served, IsServed(path));
  if (served) {
    return absl::FailedPreconditionError("another process serves " + path +
                                         ": stop it, or choose another address");
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT)
    return ErrnoStatus("removing the stale " + path);
  return absl::OkStatus();
}

absl::Status ProtectUnixSocket(const std::string& path) {
  if (chmod(path.c_str(), 0600) != 0) return ErrnoStatus("protecting " + path);
  return absl::OkStatus();
}

}  // namespace odw::rpc
