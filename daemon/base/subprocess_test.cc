#include "daemon/base/subprocess.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace odw {
namespace {

TEST(Subprocess, PassesDescriptorsEnvironmentAndStatus) {
  int fds[2];
  ASSERT_EQ(pipe2(fds, O_CLOEXEC), 0);
  UniqueFd reader(fds[0]), writer(fds[1]);
  auto child = StartSubprocess({.argv = {"sh", "-c", "printf \"$X\"; exit 7"},
                                .env = {"X=hello", "PATH=/usr/bin:/bin"},
                                .inherit_env = false,
                                .fds = {{writer.get(), 1}}});
  ASSERT_TRUE(child.ok()) << child.status();
  writer.Reset();
  char buffer[64];
  const ssize_t got = read(reader.get(), buffer, sizeof buffer);
  EXPECT_EQ(std::string(buffer, got), "hello");
  EXPECT_EQ(*child->Wait(), 7);
}

TEST(Subprocess, ReportsAMissingProgram) {
  auto child = StartSubprocess({.argv = {"/nonexistent/program"}});
  EXPECT_EQ(child.status().code(), absl::StatusCode::kNotFound) << child.status();
}

TEST(Subprocess, SignalsByPidfd) {
  auto child = StartSubprocess({.argv = {"cat"}, .fds = {}, .new_session = true});
  ASSERT_TRUE(child.ok());
  auto sleeper = StartSubprocess({.argv = {"sleep", "1000"}});
  ASSERT_TRUE(sleeper.ok());
  ASSERT_TRUE(sleeper->Signal(9).ok());
  EXPECT_EQ(*sleeper->Wait(), -9);
  EXPECT_EQ(*child->Wait(), 0);
}

}  // namespace
}  // namespace odw
