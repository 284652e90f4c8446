// The crash suite's command: works for MS milliseconds, appends "KEY\n" to FILE in one write (the proof
// of this execution, which outlives every process), and prints what it was told.
//   crash_step MS FILE KEY INPUT
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  const long ms = strtol(argv[1], nullptr, 10);
  const timespec work{ms / 1000, ms % 1000 * 1000000};
  nanosleep(&work, nullptr);
  char line[256];
  const int size = snprintf(line, sizeof line, "%s\n", argv[3]);
  const int fd = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0 || size >= static_cast<int>(sizeof line) || write(fd, line, size) != size) return 1;
  return printf("step %s %s\n", argv[3], argv[4]) < 0;
}
