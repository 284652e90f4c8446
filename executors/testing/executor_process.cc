#include "executors/testing/executor_process.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "executors/task/process_table.h"

namespace odw::executors {
namespace {

constexpr int kExitWaitMs = 30'000;
constexpr int kEventuallyTries = 6'000;
constexpr useconds_t kEventuallyPauseUs = 5'000;

}  // namespace

ExecutorProcess::ExecutorProcess() {
  char folder[] = "/tmp/odw-ex-XXXXXX";
  folder_ = mkdtemp(folder);
}

ExecutorProcess::~ExecutorProcess() {
  if (child_) Kill();
  std::filesystem::remove_all(folder_);
}

void ExecutorProcess::WriteConfig(const std::string& toml) {
  EXPECT_TRUE(WriteFileAtomically(folder_ + "/executor.toml", toml).ok());
}

void ExecutorProcess::Start(const std::string& runtime, const std::vector<std::string>& flags,
                            const std::vector<std::string>& env) {
  std::vector<std::string> argv = {ODW_EXECUTOR_BINARY, "--runtime", runtime, "--state", state_folder(),
                                   "--daemon", "unix:" + socket_path()};
  if (access((folder_ + "/executor.toml").c_str(), F_OK) == 0) {
    argv.insert(argv.end(), {"--config", folder_ + "/executor.toml"});
  }
  argv.insert(argv.end(), flags.begin(), flags.end());
  absl::StatusOr<Subprocess> child = StartSubprocess({.argv = argv, .env = env, .fds = {{2, 2}}});
  ASSERT_TRUE(child.ok()) << child.status();
  child_ = *std::move(child);
}

void ExecutorProcess::Signal(int signal) { EXPECT_TRUE(child_->Signal(signal).ok()); }

int ExecutorProcess::WaitExit() {
  pollfd ready{.fd = child_->pidfd(), .events = POLLIN};
  if (poll(&ready, 1, kExitWaitMs) != 1) {
    ADD_FAILURE() << "the executor does not end";
    return -1;
  }
  const int status = *child_->Wait();
  child_.reset();
  return status;
}

void ExecutorProcess::Kill() {
  Signal(SIGKILL);
  (void)child_->Wait();
  child_.reset();
}

std::vector<pid_t> ExecutorProcess::ProcessesOfTask(const std::string& token) const {
  // Supervised tasks are told apart by the folder of their files, bamboo's by the executor's.
  const std::string marks[] = {TaskMark(token, state_folder() + "/tasks"),
                               TaskMark(token, state_folder())};
  std::vector<pid_t> found;
  DIR* proc = opendir("/proc");
  while (const dirent* entry = readdir(proc)) {
    const pid_t pid = atoi(entry->d_name);
    if (pid <= 0) continue;
    const auto environment = ReadFile("/proc/" + std::to_string(pid) + "/environ", 1 << 20);
    if (!environment.ok()) continue;
    for (const std::string& mark : marks) {
      if (environment->find("ODW_TASK=" + mark + '\0') == std::string::npos) continue;
      found.push_back(pid);
      break;
    }
  }
  closedir(proc);
  return found;
}

bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < kEventuallyTries; ++i) {
    if (condition()) return true;
    usleep(kEventuallyPauseUs);
  }
  return false;
}

int CountLines(const std::string& path) {
  const auto text = ReadFile(path, 64 << 20);
  return text.ok() ? static_cast<int>(std::count(text->begin(), text->end(), '\n')) : 0;
}

}  // namespace odw::executors
