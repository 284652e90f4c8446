#include "executors/sandbox.h"

#include <poll.h>
#include <signal.h>

#include <filesystem>

#include "daemon/base/log.h"
#include "daemon/base/subprocess.h"
#include "executors/cli/program.h"

namespace odw::executors {
namespace {

namespace fs = std::filesystem;

constexpr int kTryMs = 5'000;
constexpr size_t kGitFileBytesMax = 4096;
constexpr char kGitFile[] = "gitdir: ";

// Processes of its own, so that a command can neither see nor end others of the same user, and none
// of it outlives whoever started it.
std::vector<std::string> Base(const std::string& program) {
  return {program,
          "--die-with-parent",
          "--unshare-pid",
          "--unshare-ipc",
          "--ro-bind",
          "/",
          "/",
          "--dev",
          "/dev",
          "--proc",
          "/proc"};
}

// Containers often forbid the namespaces that it needs: only a try tells.
bool Works(const std::string& program) {
  std::vector<std::string> argv = Base(program);
  argv.insert(argv.end(), {"--unshare-net", "true"});
  auto child = StartSubprocess({.argv = std::move(argv)});
  if (!child.ok()) return false;
  pollfd ready{.fd = child->pidfd(), .events = POLLIN, .revents = 0};
  if (poll(&ready, 1, kTryMs) != 1) (void)child->Signal(SIGKILL);
  const auto status = child->Wait();
  return status.ok() && *status == 0;
}

// The common folder of the repository that `cwd` is a linked work tree of; empty when it is none.
std::string RepositoryOf(const std::string& cwd) {
  const auto text = ReadFile(cwd + "/.git", kGitFileBytesMax);
  if (!text.ok() || text->rfind(kGitFile, 0) != 0) return "";
  std::error_code error;
  const std::string named =
      text->substr(sizeof kGitFile - 1, text->find('\n') - (sizeof kGitFile - 1));
  const fs::path folder = fs::weakly_canonical(named, error);  // .../.git/worktrees/NAME
  const fs::path common = folder.parent_path().parent_path();
  return !error && folder.parent_path().filename() == "worktrees" ? common.string() : "";
}

}  // namespace

const std::string& SandboxProgram() {
  static const std::string* const program = [] {
    std::string found = FindProgram("bwrap");
    if (!found.empty() && !Works(found)) found.clear();
    if (found.empty())
      LogInfo("no bubblewrap that works here: commands of agents are not confined");
    return new std::string(std::move(found));
  }();
  return *program;
}

std::vector<std::string> SandboxWords(const SandboxWish& wish) {
  if (SandboxProgram().empty()) return {};
  if (wish.permission == Permission::kFull) {
    if (wish.network == SandboxWish::Network::kYes) return {};
    std::vector<std::string> words = {SandboxProgram(), "--die-with-parent", "--dev-bind", "/", "/",
                                      "--unshare-net"};
    if (!wish.cwd.empty()) words.insert(words.end(), {"--chdir", wish.cwd});
    words.push_back("--");
    return words;
  }
  std::vector<std::string> words = Base(SandboxProgram());
  const auto bind = [&](const char* how, const std::string& path) {
    words.insert(words.end(), {how, path, path});
  };
  for (const std::string& path : wish.writable) bind("--bind", path);
  // After those: the folder may lie in one of them.
  if (wish.permission == Permission::kReadOnly && !wish.cwd.empty()) bind("--ro-bind", wish.cwd);
  if (wish.permission == Permission::kWorkspaceWrite && !wish.cwd.empty()) {
    bind("--bind", wish.cwd);
    std::string git = wish.cwd + "/.git";
    if (const std::string repository = RepositoryOf(wish.cwd); !repository.empty()) {
      bind("--bind-try", repository);
      git = repository;
    }
    // What git itself would run for the user later.
    bind("--ro-bind-try", git + "/hooks");
    bind("--ro-bind-try", git + "/config");
  }
  if (wish.network == SandboxWish::Network::kNo) words.push_back("--unshare-net");
  if (!wish.cwd.empty()) words.insert(words.end(), {"--chdir", wish.cwd});
  words.push_back("--");
  return words;
}

}  // namespace odw::executors
