#include "daemon/base/kill_point.h"

#if defined(ODW_KILL_POINTS)

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <atomic>
#include <string>

namespace odw {
namespace {

struct Target {
  std::string point;
  long passage = 0;
};

Target ReadTarget() {
  Target target;
  if (const char* text = getenv("ODW_KILL")) {
    if (const char* colon = strrchr(text, ':')) {
      target.point.assign(text, colon);
      target.passage = strtol(colon + 1, nullptr, 10);
    }
  }
  return target;
}

void Note(const char* point) {
  const char* path = getenv("ODW_KILL_LOG");
  if (path == nullptr) return;
  const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) return;
  char line[160];
  const int size = snprintf(line, sizeof line, "%s %d\n", point, getpid());
  if (write(fd, line, static_cast<size_t>(size)) < 0) {
    // The kill itself is what counts.
  }
  close(fd);
}

}  // namespace

void KillPoint(const char* point) {
  static const Target target = ReadTarget();
  static std::atomic<long> passages{0};
  if (target.passage == 0 || target.point != point) return;
  if (++passages != target.passage) return;
  Note(point);
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

}  // namespace odw

#endif
