#include "client/output/tree_progress.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "client/output/text.h"
#include "daemon/base/clock.h"

namespace odw::client {
namespace {

constexpr int kFrameMillis = 100;
constexpr int kColumnsDefault = 80;
constexpr int kRowsDefault = 24;
// A finished run's tree stays in the scrollback: it may be longer than the screen, but not endless.
constexpr int kRowsAtEnd = 60;

winsize TerminalSize(int fd) {
  winsize size = {};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    size.ws_col = kColumnsDefault;
    size.ws_row = kRowsDefault;
  }
  return size;
}

}  // namespace

TreeProgress::TreeProgress(int fd, Colour colour, Symbols symbols)
    : fd_(fd), colour_(colour), symbols_(symbols), wake_(eventfd(0, EFD_CLOEXEC)) {
  thread_ = std::thread([this] { DrawLoop(); });
}

TreeProgress::~TreeProgress() { Finish(); }

void TreeProgress::OnEvent(const v1::WatchEvent& event) {
  MutexLock lock(&mutex_);
  tree_.Apply(event);
}

void TreeProgress::Note(const std::string& text) {
  MutexLock lock(&mutex_);
  notes_ += "odwctl: " + OneLine(text) + "\n";
}

void TreeProgress::Finish() {
  if (!thread_.joinable()) return;
  const uint64_t one = 1;
  if (write(wake_.get(), &one, sizeof one) != sizeof one) return;
  thread_.join();
  Draw(kRowsAtEnd);
}

void TreeProgress::DrawLoop() {
  pollfd wake = {.fd = wake_.get(), .events = POLLIN, .revents = 0};
  while (poll(&wake, 1, kFrameMillis) == 0) Draw(TerminalSize(fd_).ws_row - 1);
}

void TreeProgress::Draw(int rows_max) {
  const winsize size = TerminalSize(fd_);
  std::string frame;
  // Back to the first line of the last frame. Rows that scrolled off the top cannot be reached.
  const int up = std::min<int>(drawn_rows_, size.ws_row - 1);
  if (up > 0) frame += "\033[" + std::to_string(up) + "F";
  frame += "\033[0J";
  std::vector<std::string> lines;
  {
    MutexLock lock(&mutex_);
    frame += notes_;
    notes_.clear();
    // One column stays free: some terminals wrap when the last one is written.
    lines = ViewTree(tree_, {.columns = size.ws_col - 1,
                             .rows = std::max(1, rows_max),
                             .colour = colour_,
                             .symbols = symbols_,
                             .now_unix_ms = UnixMillis(Clock::Real().Now())});
  }
  for (const std::string& line : lines) frame += line + "\n";
  drawn_rows_ = static_cast<int>(lines.size());
  // A terminal that went away is no reason to fail the run's watcher.
  (void)WriteAll(fd_, frame.data(), frame.size());
}

}  // namespace odw::client
