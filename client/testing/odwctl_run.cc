#include "client/testing/odwctl_run.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

#include "daemon/base/check.h"
#include "daemon/base/fd.h"
#include "daemon/base/subprocess.h"

namespace odw::client {

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
