#include "daemon/rpc/auth.h"

#include <openssl/crypto.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "daemon/base/fd.h"
#include "daemon/base/ids.h"

namespace odw::rpc {
namespace {

constexpr size_t kTokenBytes = 32;
constexpr size_t kTokenFileBytesMax = 4096;
constexpr char kBearer[] = "Bearer ";

bool SameBytes(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::string OwnUserName() {
  std::vector<char> buffer(16384);
  passwd entry;
  passwd* found = nullptr;
  if (getpwuid_r(geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 &&
      found != nullptr) {
    return found->pw_name;
  }
  return "uid-" + std::to_string(geteuid());
}

absl::StatusOr<std::string> LoadOrMakeToken(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    if (errno != ENOENT) return ErrnoStatus("looking at " + path);
    const std::string token = RandomHex(kTokenBytes);
    ODW_RETURN_IF_ERROR(WriteFileAtomically(path, token + "\n"));
    return token;
  }
  if ((info.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(
        "the token file " + path +
        " may be read by others: chmod 600 it, or delete it to get a new token");
  }
  ODW_ASSIGN_OR_RETURN(std::string token, ReadFile(path, kTokenFileBytesMax));
  while (!token.empty() && (token.back() == '\n' || token.back() == ' ')) token.pop_back();
  if (token.size() < 16) {
    return absl::FailedPreconditionError("the token file " + path +
                                         " is too short to be safe: delete it to get a new token");
  }
  return token;
}

absl::StatusOr<std::string> Auth::Check(const grpc::CallbackServerContext& context) const {
  if (context.peer().rfind("unix:", 0) == 0) return owner_;
  const auto& metadata = context.client_metadata();
  const auto header = metadata.find("authorization");
  if (header == metadata.end()) {
    return absl::UnauthenticatedError(
        "this address needs the daemon's token: give --token-file (the file `token` in its data "
        "folder)");
  }
  const std::string value(header->second.data(), header->second.size());
  if (token_.empty() || value.rfind(kBearer, 0) != 0 ||
      !SameBytes(value.substr(sizeof kBearer - 1), token_)) {
    return absl::UnauthenticatedError(
        "the token is not this daemon's: compare --token-file with its data folder");
  }
  return owner_;
}

}  // namespace odw::rpc
