#include "executors/identity.h"

#include <unistd.h>

#include <charconv>

#include "daemon/base/ids.h"
#include "daemon/base/log.h"

namespace odw::executors {
namespace {

constexpr size_t kIdentityBytesMax = 4096;

// "ID INCARNATION\n"
bool Parse(const std::string& text, Identity* out) {
  const size_t space = text.find(' ');
  const size_t end = text.find('\n');
  if (space == std::string::npos || end == std::string::npos || space > end || space == 0) return false;
  out->executor_id = text.substr(0, space);
  const char* last = text.data() + end;
  const auto parsed = std::from_chars(text.data() + space + 1, last, out->incarnation);
  return parsed.ec == std::errc() && parsed.ptr == last;
}

}  // namespace

absl::StatusOr<UniqueFd> LockStateFolder(const std::string& folder) {
  ODW_RETURN_IF_ERROR(MakeFolders(folder));
  absl::StatusOr<UniqueFd> lock = LockFile(folder + "/lock");
  if (!lock.ok()) {
    if (!absl::IsFailedPrecondition(lock.status())) return lock.status();
    return absl::FailedPreconditionError("another executor is running with the state folder " + folder +
                                         ": stop it, or choose another --name or --state");
  }
  // The number is for people; the lock is what counts.
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(lock->get(), 0) != 0 || pwrite(lock->get(), pid.data(), pid.size(), 0) < 0) {
    return ErrnoStatus("writing " + folder + "/lock");
  }
  return lock;
}

absl::StatusOr<Identity> NextIncarnation(const std::string& folder) {
  const std::string path = folder + "/identity";
  Identity identity;
  const absl::StatusOr<std::string> text = ReadFile(path, kIdentityBytesMax);
  if (!text.ok() && !absl::IsNotFound(text.status())) return text.status();
  if (!text.ok() || !Parse(*text, &identity)) {
    if (text.ok()) LogWarning(path + " is damaged: this executor gets a new identity");
    identity = {.executor_id = "ex_" + RandomHex(8), .incarnation = 0};
  }
  ++identity.incarnation;
  ODW_RETURN_IF_ERROR(WriteFileAtomically(
      path, identity.executor_id + " " + std::to_string(identity.incarnation) + "\n"));
  return identity;
}

}  // namespace odw::executors
