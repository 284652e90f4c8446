#include "client/testing/odwctl_run.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <filesystem>

#include "daemon/base/check.h"
#include "daemon/base/fd.h"
#include "daemon/base/subprocess.h"

namespace odw::client {
namespace {

// Looks whenever the file changes; a process that ends without the text is left to the caller.
void InterruptAt(const std::string& text, const std::string& folder, const Subprocess& process) {
  const UniqueFd changes(inotify_init1(IN_CLOEXEC));
  ODW_CHECK(inotify_add_watch(changes.get(), (folder + "/err").c_str(), IN_MODIFY) >= 0);
  while (ReadFile(folder + "/err", 64 << 20).value_or("").find(text) == std::string::npos) {
    pollfd wait[] = {{changes.get(), POLLIN, 0}, {process.pidfd(), POLLIN, 0}};
    ODW_CHECK(poll(wait, 2, -1) > 0);
    if (wait[1].revents != 0) return;
    char events[4096];
    ODW_CHECK(read(changes.get(), events, sizeof events) > 0);
  }
  ODW_CHECK(process.Signal(SIGINT).ok());
}

}  // namespace

OdwctlRun RunOdwctl(const std::vector<std::string>& arguments, const OdwctlOptions& options) {
  // Files rather than pipes: nothing has to be read while the process runs.
  const TempFolder folder;
  const std::string in_path = folder.path() + "/in";
  ODW_CHECK(WriteFileAtomically(in_path, options.stdin_text).ok());
  const auto create = [&](const char* name) {
    return UniqueFd(open((folder.path() + name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  };
  const UniqueFd in(open(in_path.c_str(), O_RDONLY | O_CLOEXEC));
  const UniqueFd out = create("/out"), err = create("/err");
  SubprocessOptions child;
  child.argv = {options.binary};
  child.argv.insert(child.argv.end(), arguments.begin(), arguments.end());
  child.env = options.env;
  child.fds = {{in.get(), 0}, {out.get(), 1}, {err.get(), 2}};
  absl::StatusOr<Subprocess> process = StartSubprocess(child);
  ODW_CHECK(process.ok());
  if (!options.interrupt_at.empty()) InterruptAt(options.interrupt_at, folder.path(), *process);
  const absl::StatusOr<int> exit_code = process->Wait();
  ODW_CHECK(exit_code.ok());
  return {.exit_code = *exit_code,
          .out = ReadFile(folder.path() + "/out", 64 << 20).value_or(""),
          .err = ReadFile(folder.path() + "/err", 64 << 20).value_or("")};
}

TempFolder::TempFolder() {
  char path[] = "/tmp/odwctl-test-XXXXXX";
  ODW_CHECK(mkdtemp(path) != nullptr);
  path_ = path;
}

TempFolder::~TempFolder() { std::filesystem::remove_all(path_); }

}  // namespace odw::client
