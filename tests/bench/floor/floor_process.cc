// The floors of the disk and of processes, without any library.
//   floor_process fdatasync FILE N BYTES    N appends of BYTES, each followed by fdatasync
//   floor_process spawn N PARALLEL PROGRAM  N times fork+exec of PROGRAM, PARALLEL at once, output read
// Prints JSON.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/floor/timing.h"

extern char** environ;

namespace odw::bench {
namespace {

[[noreturn]] void Die(const char* what) {
  perror(what);
  _exit(1);
}

void Fdatasync(const char* path, int count, int bytes) {
  const int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) Die(path);
  const std::string block(static_cast<size_t>(bytes), 'x');
  std::vector<double> times;
  const Stopwatch all;
  for (int i = 0; i < count; ++i) {
    const Stopwatch one;
    if (write(fd, block.data(), block.size()) != bytes) Die("write");
    if (fdatasync(fd) != 0) Die("fdatasync");
    times.push_back(one.Ms());
  }
  printf("{\"scenario\":\"fdatasync\",\"n\":%d,\"ms\":%.2f,\"p50_ms\":%.4f,\"p99_ms\":%.4f}\n", count,
         all.Ms(), Percentile(times, 0.5), Percentile(times, 0.99));
  close(fd);
  unlink(path);
}

struct Child {
  pid_t pid = -1;
  int output = -1;
};

Child Start(char* program) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0) Die("pipe2");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[1], STDOUT_FILENO);
  char* argv[] = {program, nullptr};
  Child child;
  if (posix_spawn(&child.pid, program, &actions, nullptr, argv, environ) != 0) Die(program);
  posix_spawn_file_actions_destroy(&actions);
  close(pipe_ends[1]);
  child.output = pipe_ends[0];
  return child;
}

// True when the child's output has ended: then it is reaped.
bool Finished(const Child& child) {
  char buffer[65536];
  if (read(child.output, buffer, sizeof buffer) > 0) return false;
  close(child.output);
  int status = 0;
  waitpid(child.pid, &status, 0);
  if (status != 0) Die("the program failed");
  return true;
}

void Spawn(int count, int parallel, char* program) {
  std::vector<Child> live;
  const Stopwatch all;
  for (int started = 0, done = 0; done < count;) {
    while (started < count && static_cast<int>(live.size()) < parallel) {
      live.push_back(Start(program));
      ++started;
    }
    std::vector<pollfd> polled;
    for (const Child& child : live) polled.push_back({child.output, POLLIN, 0});
    if (poll(polled.data(), polled.size(), -1) < 0) Die("poll");
    for (size_t i = polled.size(); i-- > 0;) {
      if (polled[i].revents == 0 || !Finished(live[i])) continue;
      live.erase(live.begin() + static_cast<std::ptrdiff_t>(i));
      ++done;
    }
  }
  printf("{\"scenario\":\"spawn\",\"n\":%d,\"parallel\":%d,\"ms\":%.2f}\n", count, parallel, all.Ms());
}

}  // namespace
}  // namespace odw::bench

int main(int argc, char** argv) {
  const std::string_view role = argc > 4 ? argv[1] : "";
  if (role == "fdatasync") {
    return odw::bench::Fdatasync(argv[2], atoi(argv[3]), atoi(argv[4])), 0;
  }
  if (role == "spawn") return odw::bench::Spawn(atoi(argv[2]), atoi(argv[3]), argv[4]), 0;
  fprintf(stderr, "usage: floor_process fdatasync FILE N BYTES | spawn N PARALLEL PROGRAM\n");
  return 2;
}
