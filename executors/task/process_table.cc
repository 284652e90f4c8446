#include "executors/task/process_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "daemon/base/fd.h"

namespace odw::executors {
namespace {

constexpr size_t kProcFileBytesMax = 4 << 20;
constexpr char kTaskVariable[] = "ODW_TASK=";

std::string ProcFile(pid_t pid, const char* name) {
  absl::StatusOr<std::string> text = ReadFile("/proc/" + std::to_string(pid) + "/" + name, kProcFileBytesMax);
  return text.ok() ? *std::move(text) : "";
}

struct Stat {
  char state = 'X';
  pid_t parent = 0;
  pid_t session = 0;
  uint64_t start_ticks = 0;
};

std::optional<Stat> ReadStat(pid_t pid) {
  const std::string text = ProcFile(pid, "stat");
  const size_t name_end = text.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos) return std::nullopt;
  Stat stat;
  int group;
  unsigned long long start;
  // state ppid pgrp session, then 15 fields, starttime
  const int fields = sscanf(text.c_str() + name_end + 1,
                            " %c %d %d %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
                            &stat.state, &stat.parent, &group, &stat.session, &start);
  if (fields != 5) return std::nullopt;
  stat.start_ticks = start;
  return stat;
}

std::vector<pid_t> AllProcesses() {
  std::vector<pid_t> pids;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  if (!proc) return pids;
  while (const dirent* entry = readdir(proc.get())) {
    const pid_t pid = atoi(entry->d_name);
    if (pid > 0) pids.push_back(pid);
  }
  return pids;
}

bool CarriesMark(const std::string& environment, const std::string& mark) {
  const std::string wanted = kTaskVariable + mark;
  size_t at = 0;
  while (at < environment.size()) {
    const size_t end = std::min(environment.find('\0', at), environment.size());
    if (environment.compare(at, end - at, wanted) == 0) return true;
    at = end + 1;
  }
  return false;
}

// A session keeps its leader's number from being used again while it has members, so members of the dead
// supervisor's session are ours, unless a living leader shows that the number has begun another life.
bool SessionIsOurs(const TaskOwner& owner, const std::string& boot_id) {
  return owner.pid() > 0 && owner.boot_id() == boot_id && StartTicks(owner.pid()) == 0;
}

}  // namespace

std::string BootId() {
  absl::StatusOr<std::string> text = ReadFile("/proc/sys/kernel/random/boot_id", 256);
  if (!text.ok()) return "";
  while (!text->empty() && text->back() == '\n') text->pop_back();
  return *text;
}

uint64_t StartTicks(pid_t pid) {
  const std::optional<Stat> stat = ReadStat(pid);
  return stat && stat->state != 'Z' && stat->state != 'X' ? stat->start_ticks : 0;
}

// Device and inode: the same after a restart or a renaming, whatever name the folder goes by.
std::string TaskMark(const std::string& token, const std::string& folder) {
  struct stat info;
  if (stat(folder.c_str(), &info) != 0) return token;
  char id[48];
  snprintf(id, sizeof id, "@%lx-%lx", static_cast<unsigned long>(info.st_dev),
           static_cast<unsigned long>(info.st_ino));
  return token + id;
}

std::vector<pid_t> OwnChildren() {
  std::vector<pid_t> children;
  const std::string self = std::to_string(getpid());
  const auto text = ReadFile("/proc/self/task/" + self + "/children", kProcFileBytesMax);
  if (text.ok()) {
    const char* at = text->c_str();
    for (char* end; *at != '\0'; at = end) {
      const long pid = strtol(at, &end, 10);
      if (end == at) break;
      children.push_back(static_cast<pid_t>(pid));
    }
    return children;
  }
  for (const pid_t pid : AllProcesses()) {  // a kernel without CONFIG_PROC_CHILDREN
    const auto stat = ReadStat(pid);
    if (stat && stat->parent == getpid()) children.push_back(pid);
  }
  return children;
}

std::vector<bool> KillRemains(const std::vector<LostTask>& tasks) {
  std::vector<bool> found(tasks.size(), false);
  const std::string boot_id = BootId();
  std::vector<bool> session_ours;
  for (const LostTask& task : tasks) session_ours.push_back(SessionIsOurs(task.owner, boot_id));
  for (const pid_t pid : AllProcesses()) {
    if (pid == getpid()) continue;
    // Opened before the looking, so that the signal cannot reach a later process of that number.
    const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    const std::optional<Stat> stat = ReadStat(pid);
    if (!pidfd.valid() || !stat || stat->state == 'Z' || stat->state == 'X') continue;
    const std::string environment = ProcFile(pid, "environ");
    for (size_t i = 0; i < tasks.size(); ++i) {
      const bool in_session = session_ours[i] && stat->session == tasks[i].owner.pid();
      if (!in_session && !CarriesMark(environment, tasks[i].mark)) continue;
      found[i] = true;
      syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0);
    }
  }
  return found;
}

}  // namespace odw::executors
