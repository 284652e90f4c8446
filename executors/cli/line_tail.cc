#include "executors/cli/line_tail.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace odw::executors {
namespace {

constexpr size_t kReadBytes = 256 << 10;

}  // namespace

// Whoever writes it might put something else in its place, at which one would wait.
bool LineTail::Open() {
  if (fd_.valid()) return true;
  UniqueFd fd(open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  struct stat file = {};
  if (!fd.valid() || fstat(fd.get(), &file) != 0 || !S_ISREG(file.st_mode)) return false;
  offset_ = std::max<off_t>(0, file.st_size - last_bytes_);
  if (lseek(fd.get(), offset_, SEEK_SET) < 0) return false;
  fd_ = std::move(fd);
  return true;
}

void LineTail::Read(const std::function<void(std::string_view line)>& take) {
  if (!Open()) return;
  struct stat file = {};
  if (fstat(fd_.get(), &file) != 0 || file.st_size == offset_) return;  // nothing has come
  std::string buffer(kReadBytes, '\0');
  for (;;) {
    const ssize_t got = read(fd_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    offset_ += got;
    std::string_view bytes(buffer.data(), static_cast<size_t>(got));
    for (size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
      partial_.append(bytes.substr(0, end));
      bytes.remove_prefix(end + 1);
      if (!overlong_ && !partial_.empty()) take(partial_);
      overlong_ = false;
      partial_.clear();
    }
    if (!overlong_) partial_.append(bytes);
    if (partial_.size() > kLineBytesMax) {
      overlong_ = true;
      partial_.clear();
    }
  }
}

void LineTail::ReadToEnd(const std::function<void(std::string_view line)>& take) {
  Read(take);
  if (!partial_.empty() && !overlong_) take(partial_);
  partial_.clear();
}

}  // namespace odw::executors
