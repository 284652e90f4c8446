#include "executors/config.h"

#include <gtest/gtest.h>

namespace odw::executors {
namespace {

std::string ErrorOf(const std::string& toml) {
  const auto config = ParseConfig(toml, "x.toml");
  return config.ok() ? "" : MessageOf(config.status());
}

TEST(Config, ReadsEveryKey) {
  const auto config = ParseConfig(R"(
[executor]
name = "e1"
slots = 4
labels = ["gpu", "eu"]
spool_bytes_max = 1000000
[commands.count]
program = "wc"
args = ["-l"]
exit_ok = [0, 1]
read_only = true
timeout_ms = 1500
output_bytes_max = 4096
env = ["A=b"]
pass_env = ["LANG"]
cwd = "/tmp"
[claude]
model = "opus"
inner_retries = 0
fail_on_denial = true
[codex]
program = "/opt/codex"
key_env = "K"
[bamboo]
provider = "deepseek"
model = "m"
idle_timeout_ms = 9
)", "x.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->name, "e1");
  EXPECT_EQ(config->slots, 4u);
  EXPECT_EQ(config->labels.size(), 2u);
  const CommandConfig& command = config->commands.at("count");
  EXPECT_EQ(command.program[0], '/');
  EXPECT_EQ(command.args, std::vector<std::string>{"-l"});
  EXPECT_EQ(command.exit_ok, (std::vector<int>{0, 1}));
  EXPECT_TRUE(command.read_only);
  EXPECT_EQ(command.timeout, absl::Milliseconds(1500));
  EXPECT_EQ(command.cwd, "/tmp");
  EXPECT_EQ(config->claude.model, "opus");
  EXPECT_EQ(config->claude.inner_retries, 0u);
  EXPECT_TRUE(config->claude.fail_on_denial);
  EXPECT_EQ(config->codex.program, "/opt/codex");
  EXPECT_EQ(config->codex.key_env, "K");
  EXPECT_EQ(config->bamboo.provider, "deepseek");
  EXPECT_EQ(config->bamboo.idle_timeout, absl::Milliseconds(9));
}

TEST(Config, NamesLineAndKnownKeysOfAnUnknownOne) {
  const std::string error = ErrorOf("[executor]\nslots = 4\nslotz = 5\n");
  EXPECT_NE(error.find("x.toml:3"), std::string::npos) << error;
  EXPECT_NE(error.find("executor.slotz"), std::string::npos) << error;
  EXPECT_NE(error.find("spool_bytes_max"), std::string::npos) << error;
}

TEST(Config, RefusesWrongKindsAndRanges) {
  EXPECT_NE(ErrorOf("[executor]\nslots = \"four\"\n").find("x.toml:2"), std::string::npos);
  EXPECT_NE(ErrorOf("[executor]\nslots = 0\n").find("whole number"), std::string::npos);
  EXPECT_NE(ErrorOf("[commands.a]\nprogram = \"true\"\nenv = [\"NOEQUALS\"]\n").find("NOEQUALS"), std::string::npos);
  EXPECT_NE(ErrorOf("[commands.a]\nread_only = true\n").find("program"), std::string::npos);
  EXPECT_NE(ErrorOf("[commands.a]\nprogram = \"no-such-program-here\"\n").find("x.toml:2"), std::string::npos);
  EXPECT_NE(ErrorOf("[commands.a]\nprogram = \"true\"\ncwd = \"relative\"\n").find("absolute"), std::string::npos);
  EXPECT_NE(ErrorOf("[claude]\nhome = \"relative\"\n").find("x.toml:2"), std::string::npos);
  EXPECT_NE(ErrorOf("[executor]\npermission_max = \"all\"\n").find("read-only"), std::string::npos);
  EXPECT_NE(ErrorOf("[executor]\nnetwork = \"maybe\"\n").find("yes or no"), std::string::npos);
  EXPECT_NE(ErrorOf("commands = 3\n").find("table"), std::string::npos);
  EXPECT_NE(ErrorOf("[executor\n").find("x.toml:1"), std::string::npos);
}

TEST(Config, AMissingFileSaysWhich) {
  EXPECT_NE(MessageOf(LoadConfig("/nonexistent/e.toml").status()).find("/nonexistent/e.toml"), std::string::npos);
}

}  // namespace
}  // namespace odw::executors
