#include "executors/cli/line_tail.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

namespace odw::executors {
namespace {

constexpr size_t kReadBytes = 256 << 10;

}  // namespace

void LineTail::Read(const std::function<void(std::string_view line)>& take) {
  if (!fd_.valid()) fd_ = UniqueFd(open(path_.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd_.valid()) return;
  std::string buffer(kReadBytes, '\0');
  for (;;) {
    const ssize_t got = read(fd_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
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
