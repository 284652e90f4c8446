#include "executors/runtimes/bamboo/workspace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "executors/text.h"

namespace odw::executors {
namespace {

constexpr size_t kNamesMax = 1'000;

bool IsGit(const std::string& relative) {
  return relative == ".git" || relative.rfind(".git/", 0) == 0 ||
         relative.find("/.git/") != std::string::npos ||
         (relative.size() > 5 && relative.compare(relative.size() - 5, 5, "/.git") == 0);
}

// Where people keep secrets; a model has no business with them.
bool IsSecret(const std::string& relative) {
  const std::string name =
      relative.substr(relative.rfind('/') == std::string::npos ? 0 : relative.rfind('/') + 1);
  const auto ends = [&](const std::string& end) {
    return name.size() >= end.size() &&
           name.compare(name.size() - end.size(), end.size(), end) == 0;
  };
  if (name == ".env" || (name.rfind(".env.", 0) == 0 && !ends(".example") && !ends(".sample")))
    return true;
  if (name.rfind("id_rsa", 0) == 0 || name.rfind("id_ed25519", 0) == 0) return !ends(".pub");
  return ends(".pem") || ends(".key") || relative.rfind(".ssh/", 0) == 0 ||
         relative.find("/.ssh/") != std::string::npos;
}

}  // namespace

std::string Shorten(const std::string& text, size_t bytes_max) {
  if (text.size() <= bytes_max) return ToValidUtf8(text);
  const size_t half = bytes_max / 2;
  return ToValidUtf8(text.substr(0, half)) + "\n[... " + std::to_string(text.size() - 2 * half) +
         " bytes left out ...]\n" + ToValidUtf8(TailOf(text, half));
}

absl::StatusOr<std::string> Workspace::Relative(const std::string& path) const {
  std::string relative = path;
  if (relative.find('\0') != std::string::npos)
    return absl::InvalidArgumentError("a path holds a NUL byte");
  if (!relative.empty() && relative[0] == '/') {
    if (relative != root_ && relative.rfind(root_ + "/", 0) != 0) {
      return absl::PermissionDeniedError(
          "'" + path + "' is outside the working folder; use paths relative to it");
    }
    relative = relative.size() > root_.size() ? relative.substr(root_.size() + 1) : "";
  }
  while (relative.rfind("./", 0) == 0) relative.erase(0, 2);
  if (IsSecret(relative))
    return absl::PermissionDeniedError("'" + path + "' may hold secrets: tools leave it alone");
  return relative.empty() ? "." : relative;
}

absl::StatusOr<UniqueFd> Workspace::Open(const std::string& path, int flags, unsigned mode) const {
  ODW_ASSIGN_OR_RETURN(const std::string relative, Relative(path));
  const UniqueFd root(open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) return ErrnoStatus("opening the working folder");
  open_how how = {};
  how.flags = static_cast<uint64_t>(flags | O_CLOEXEC);
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH |
                RESOLVE_NO_MAGICLINKS;  // the kernel holds the line, whatever is swapped meanwhile
  UniqueFd fd(
      static_cast<int>(syscall(SYS_openat2, root.get(), relative.c_str(), &how, sizeof how)));
  if (fd.valid()) return fd;
  if (errno == EXDEV)
    return absl::PermissionDeniedError("'" + path + "' leads out of the working folder");
  return ErrnoStatus("opening " + path);
}

absl::StatusOr<std::string> Workspace::Within(const std::string& path) const {
  ODW_ASSIGN_OR_RETURN(const UniqueFd fd, Open(path, O_PATH));
  return Relative(path);
}

absl::StatusOr<std::string> Workspace::ReadWhole(const std::string& path) const {
  // O_NONBLOCK: a fifo would stop the loop.
  ODW_ASSIGN_OR_RETURN(const UniqueFd fd, Open(path, O_RDONLY | O_NONBLOCK));
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus("reading " + path);
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(path + " is not a file");
  if (static_cast<uint64_t>(info.st_size) > kFileBytesMax) {
    return absl::ResourceExhaustedError(
        path + " is larger than " + std::to_string(kFileBytesMax >> 20) + " MiB; use the run tool");
  }
  std::string bytes(static_cast<size_t>(info.st_size), '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = read(fd.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus("reading " + path);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

absl::StatusOr<std::string> Workspace::Read(const std::string& path, size_t first,
                                            size_t count) const {
  ODW_ASSIGN_OR_RETURN(const std::string bytes, ReadWhole(path));
  if (bytes.find('\0') != std::string::npos) {
    return absl::InvalidArgumentError(path + " is binary (" + std::to_string(bytes.size()) +
                                      " bytes)");
  }
  size_t start = 0;
  for (size_t line = 1; line < first && start < bytes.size(); ++line) {
    const size_t end = bytes.find('\n', start);
    start = end == std::string::npos ? bytes.size() : end + 1;
  }
  size_t end = start;
  for (size_t line = 0; end < bytes.size() && (count == 0 || line < count); ++line) {
    const size_t next = bytes.find('\n', end);
    end = next == std::string::npos ? bytes.size() : next + 1;
    if (end - start > kShownBytesMax) break;
  }
  std::string shown = Shorten(bytes.substr(start, end - start), kShownBytesMax);
  if (end < bytes.size()) {
    shown += "\n[" + std::to_string(bytes.size() - end) + " bytes follow: read on from line " +
             std::to_string(
                 std::count(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(end), '\n') + 1) +
             "]";
  }
  return shown;
}

absl::Status Workspace::CheckWritable(const std::string& relative) const {
  if (IsGit(relative))
    return absl::PermissionDeniedError(
        "the repository's own files (.git) are not written by tools");
  return absl::OkStatus();
}

absl::StatusOr<std::string> Workspace::Write(const std::string& path,
                                             const std::string& content) const {
  ODW_ASSIGN_OR_RETURN(const std::string relative, Relative(path));
  ODW_RETURN_IF_ERROR(CheckWritable(relative));
  // Its folders, one by one, each within the root.
  for (size_t slash = relative.find('/'); slash != std::string::npos;
       slash = relative.find('/', slash + 1)) {
    const std::string folder = relative.substr(0, slash);
    if (Open(folder, O_PATH | O_DIRECTORY).ok()) continue;
    const size_t cut = folder.rfind('/');
    ODW_ASSIGN_OR_RETURN(
        const UniqueFd parent,
        Open(cut == std::string::npos ? "." : folder.substr(0, cut), O_PATH | O_DIRECTORY));
    if (mkdirat(parent.get(), folder.c_str() + (cut == std::string::npos ? 0 : cut + 1), 0777) !=
            0 &&
        errno != EEXIST) {
      return ErrnoStatus("making " + folder);
    }
  }
  ODW_ASSIGN_OR_RETURN(const UniqueFd fd,
                       Open(relative, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, 0666));
  ODW_RETURN_IF_ERROR(WriteAll(fd.get(), content.data(), content.size()));
  return "wrote " + std::to_string(content.size()) + " bytes to " + relative;
}

absl::StatusOr<std::string> Workspace::Edit(const std::string& path, const std::string& old_text,
                                            const std::string& new_text, Which which) const {
  if (old_text.empty())
    return absl::InvalidArgumentError("'old' is empty: give the text to replace");
  ODW_ASSIGN_OR_RETURN(std::string bytes, ReadWhole(path));
  size_t count = 0;
  for (size_t at = bytes.find(old_text); at != std::string::npos;
       at = bytes.find(old_text, at + old_text.size())) {
    ++count;
  }
  if (count == 0)
    return absl::NotFoundError("'old' does not occur in " + path +
                               ": read it again and copy the text exactly");
  if (count > 1 && which == Which::kOnly) {
    return absl::FailedPreconditionError("'old' occurs " + std::to_string(count) + " times in " +
                                         path + ": give more of the text around it, or set all");
  }
  for (size_t at = bytes.find(old_text); at != std::string::npos;
       at = bytes.find(old_text, at + new_text.size())) {
    bytes.replace(at, old_text.size(), new_text);
  }
  ODW_RETURN_IF_ERROR(Write(path, bytes).status());
  return "replaced " + std::to_string(count) + " in " + path;
}

absl::StatusOr<std::string> Workspace::List(const std::string& path) const {
  ODW_ASSIGN_OR_RETURN(UniqueFd fd, Open(path.empty() ? "." : path, O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(fdopendir(fd.Release()), closedir);
  if (!folder) return ErrnoStatus("listing " + path);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(folder.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    names.push_back(entry->d_type == DT_DIR ? name + "/" : name);
    if (names.size() > kNamesMax) break;
  }
  std::sort(names.begin(), names.end());
  std::string out;
  for (const std::string& name : names) out += name + "\n";
  if (names.size() > kNamesMax) out += "[and more]\n";
  return out.empty() ? "(empty)" : Shorten(out, kShownBytesMax);
}

}  // namespace odw::executors
