#include "daemon/config/config.h"

#include <gtest/gtest.h>

namespace odw::config {
namespace {

std::string ErrorOf(const std::string& toml) {
  const absl::StatusOr<Config> config = ParseConfig(toml, "odwd.toml");
  return config.ok() ? "" : MessageOf(config.status());
}

TEST(Config, EmptyFileGivesTheDefaults) {
  const absl::StatusOr<Config> config = ParseConfig("", "odwd.toml");
  ASSERT_TRUE(config.ok());
  EXPECT_EQ(config->limits.concurrency, 16u);
  EXPECT_EQ(config->limits.agents_max, 1000u);
  EXPECT_EQ(config->limits.script_chars_max, 524288u);
  EXPECT_EQ(config->private_linger, absl::Seconds(60));
  EXPECT_EQ(config->lease_grace_local, absl::Seconds(10));
  EXPECT_FALSE(config->private_mode);
}

TEST(Config, ReadsEveryKey) {
  const absl::StatusOr<Config> config = ParseConfig(R"(
data = "/var/lib/odwd"
listen = ["unix:/run/odwd/odwd.sock", "127.0.0.1:7700"]
http = "127.0.0.1:9700"
private = true
private_linger_seconds = 5
log_level = "debug"
script_hosts = 12
lease_grace_local_seconds = 3
default_runtime = "mock"
default_model = "m"
workflow_folders = ["/opt/flows"]
secrets = "allow"
[fallback]
claude = ["codex", "bamboo:kimi"]
[limits]
concurrency = 4
agents_max = 20000
list_length_max = 9
prompt_bytes_max = 2048
result_bytes_max = 4096
args_bytes_max = 8192
script_chars_max = 1024
log_lines_max = 7
log_bytes_max = 1024
turn_cpu_ms = 100
heap_bytes_max = 16777216
call_refusals_max = 3
open_runs_max = 2
return_grace_ms = 0
schema_tries_max = 7
stall_ms = 5000
stall_tries_max = 2
[budget]
day_tokens_max = 5000000000
day_cost_max = "20.5CNY"
exchange = { CNY = 7, EUR = 0.9 }
[[executors]]
runtime = "mock"
slots = 32
[[executors]]
runtime = "command"
name = "cmd"
config = "/etc/odw/command.toml"
)",
                                                    "odwd.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->data_dir, "/var/lib/odwd");
  ASSERT_EQ(config->listen.size(), 2u);
  EXPECT_EQ(config->http_listen, "127.0.0.1:9700");
  EXPECT_TRUE(config->private_mode);
  EXPECT_EQ(config->private_linger, absl::Seconds(5));
  EXPECT_EQ(config->script_hosts_max, 12u);
  EXPECT_EQ(config->limits.agents_max, 20000u);
  EXPECT_EQ(config->limits.return_grace_ms, 0u);
  ASSERT_EQ(config->executors.size(), 2u);
  EXPECT_EQ(config->executors[0].name, "mock");
  EXPECT_EQ(config->executors[0].slots, 32u);
  EXPECT_EQ(config->executors[1].config_file, "/etc/odw/command.toml");
  EXPECT_EQ(config->fallback.at("claude"), (std::vector<std::string>{"codex", "bamboo:kimi"}));
  EXPECT_TRUE(config->fallback.at("codex").empty());
  EXPECT_EQ(config->budget.day_tokens_max, 5'000'000'000u);
  EXPECT_EQ(config->budget.day_cost_micros_max, 20'500'000);
  EXPECT_EQ(config->budget.day_cost_currency, "CNY");
  EXPECT_EQ(config->budget.exchange,
            (std::map<std::string, double>{{"CNY", 7}, {"EUR", 0.9}, {"USD", 1}}));
}

TEST(Config, MoneyIsAnAmountAndItsCurrency) {
  for (const char* bad : {"\"20\"", "\"USD\"", "20", "\"-1USD\"", "\"20 usd\"", "\"nanUSD\"", "\"0USD\""}) {
    EXPECT_EQ(ErrorOf(std::string("[budget]\nday_cost_max = ") + bad + "\n"),
              "odwd.toml:2:16: budget.day_cost_max must be an amount and its currency, such as "
              "\"20USD\"")
        << bad;
  }
}

TEST(Config, ARateIsWhatADollarBuys) {
  for (const char* bad : {"{ cny = 7 }", "{ CNY = 0 }", "{ CNY = \"7\" }", "{ USD = 2 }", "{ YUAN = 7 }"}) {
    EXPECT_NE(ErrorOf(std::string("[budget]\nexchange = ") + bad + "\n").find("how much of it a US dollar buys"),
              std::string::npos)
        << bad;
  }
}

TEST(Config, TheDaysCeilingNeedsARate) {
  absl::StatusOr<Config> config = ParseConfig("data = \"/d\"\n[budget]\nday_cost_max = \"5GBP\"\n", "odwd.toml");
  ASSERT_TRUE(config.ok());
  EXPECT_NE(MessageOf(Finish(&*config)).find("GBP, which has no rate"), std::string::npos);
  config->budget.exchange["GBP"] = 0.8;
  EXPECT_TRUE(Finish(&*config).ok());
}

TEST(Config, UnknownKeyIsNamedWithItsPlaceAndTheKnownOnes) {
  const std::string error = ErrorOf("data = \"/d\"\nlisten_on = []\n");
  EXPECT_EQ(error.rfind("odwd.toml:2:1: unknown key `listen_on`", 0), 0u) << error;
  EXPECT_NE(error.find("listen"), std::string::npos);
}

TEST(Config, UnknownKeyInATableIsNamedWithItsPath) {
  EXPECT_EQ(
      ErrorOf("[limits]\nagents = 3\n").rfind("odwd.toml:2:1: unknown key `limits.agents`", 0), 0u);
}

TEST(Config, WrongTypeIsNamedWithItsPlace) {
  EXPECT_EQ(ErrorOf("private = 1\n"), "odwd.toml:1:11: private must be true or false");
  EXPECT_EQ(ErrorOf("[limits]\nconcurrency = \"4\"\n"),
            "odwd.toml:2:15: limits.concurrency must be a whole number");
  EXPECT_EQ(ErrorOf("listen = \"unix:/x\"\n"), "odwd.toml:1:10: listen must be a list of strings");
  EXPECT_EQ(ErrorOf("executors = 3\n"),
            "odwd.toml:1:13: executors must be a list of tables, [[executors]]");
}

TEST(Config, OutOfBoundsNamesTheBounds) {
  EXPECT_EQ(ErrorOf("[limits]\nconcurrency = 0\n"),
            "odwd.toml:2:15: limits.concurrency is 0 and must be from 1 to 65536");
  EXPECT_NE(ErrorOf("[limits]\nresult_bytes_max = 99999999999\n").find("67108864"),
            std::string::npos);
  EXPECT_NE(ErrorOf("script_hosts = 1\n").find("from 2 to"), std::string::npos);
}

TEST(Config, SyntaxErrorHasItsPlace) {
  EXPECT_EQ(ErrorOf("data = \"/d\"\nlisten = [\n").rfind("odwd.toml:", 0), 0u);
}

TEST(Config, ExecutorWithoutARuntimeIsRefused) {
  EXPECT_NE(ErrorOf("[[executors]]\nslots = 2\n").find("needs `runtime`"), std::string::npos);
}

Config WithData() {
  Config config;
  config.data_dir = "/d";
  return config;
}

TEST(Config, FinishFillsTheSocketAndTheHosts) {
  Config config = WithData();
  ASSERT_TRUE(Finish(&config).ok());
  EXPECT_EQ(config.listen, std::vector<std::string>{"unix:/d/odwd.sock"});
  EXPECT_GE(config.script_hosts_max, 4u);
  EXPECT_LE(config.script_hosts_max, 64u);
}

TEST(Config, FinishRefusesExecutorsWithOneName) {
  Config config = WithData();
  config.executors = {{.runtime = "mock", .name = "a"}, {.runtime = "command", .name = "a"}};
  EXPECT_NE(MessageOf(Finish(&config)).find("two executors"), std::string::npos);
}

TEST(Config, FinishRefusesARelativeOrMissingDataFolder) {
  Config config;
  EXPECT_FALSE(Finish(&config).ok());
  config.data_dir = "relative";
  EXPECT_FALSE(Finish(&config).ok());
}

TEST(Config, ScriptHostsFollowMemoryWithinBounds) {
  EXPECT_EQ(DefaultScriptHosts(256ull << 20), 4u);
  EXPECT_EQ(DefaultScriptHosts(4ull << 30), 32u);
  EXPECT_EQ(DefaultScriptHosts(1024ull << 30), 64u);
}

TEST(Address, LoopbackAndUnixAreServed) {
  for (const char* address :
       {"unix:/run/odwd.sock", "127.0.0.1:7700", "127.1.2.3:0", "[::1]:7700"}) {
    EXPECT_TRUE(CheckListenAddress(address).ok()) << address;
  }
}

TEST(Address, OthersAreRefusedWithTheReason) {
  const std::string why = MessageOf(CheckListenAddress("0.0.0.0:7700"));
  EXPECT_NE(why.find("no TLS yet"), std::string::npos) << why;
  EXPECT_FALSE(CheckListenAddress("192.168.1.4:7700").ok());
  EXPECT_FALSE(CheckListenAddress("[::]:7700").ok());
  EXPECT_NE(MessageOf(CheckListenAddress("localhost:7700")).find("as a number"), std::string::npos);
  EXPECT_FALSE(CheckListenAddress("127.0.0.1").ok());
  EXPECT_FALSE(CheckListenAddress("127.0.0.1:99999").ok());
  EXPECT_FALSE(CheckListenAddress("unix:relative.sock").ok());
  EXPECT_NE(MessageOf(CheckListenAddress("unix:/" + std::string(200, 'x'))).find("107"),
            std::string::npos);
  EXPECT_FALSE(CheckHttpAddress("unix:/run/x").ok());
}

TEST(Config, MissingFileIsNamed) {
  const absl::Status status = LoadConfig("/nonexistent/odwd.toml").status();
  EXPECT_NE(MessageOf(status).find("/nonexistent/odwd.toml"), std::string::npos);
}

TEST(Config, ConcurrencyMayBeTheOriginalsFormula) {
  EXPECT_EQ(CcConcurrency(1), 2u);
  EXPECT_EQ(CcConcurrency(8), 6u);
  EXPECT_EQ(CcConcurrency(64), 16u);
  const absl::StatusOr<Config> config =
      ParseConfig("[limits]\nconcurrency = \"cc\"\n", "odwd.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->limits.concurrency, CcConcurrency(UsableProcessors()));
  EXPECT_NE(ErrorOf("[limits]\nconcurrency = \"all\"\n").find("a whole number"), std::string::npos);
}

TEST(Config, TheEnvironmentSetsTheConcurrency) {
  const auto with = [](const char* ours, const char* theirs) {
    setenv("ODW_MAX_CONCURRENT_AGENTS", ours, 1);
    setenv("CLAUDE_CODE_WORKFLOW_MAX_CONCURRENT_AGENTS", theirs, 1);
    Config config;
    ApplyEnvironment(&config);
    unsetenv("ODW_MAX_CONCURRENT_AGENTS");
    unsetenv("CLAUDE_CODE_WORKFLOW_MAX_CONCURRENT_AGENTS");
    return config.limits.concurrency;
  };
  EXPECT_EQ(with("3", "9"), 3u);
  EXPECT_EQ(with("", "9"), 9u);
  for (const char* bad : {"0", "257", "-1", "4x", " 4", "1e2", "99999999999"}) {
    EXPECT_EQ(with(bad, ""), 16u) << bad;
  }
}

TEST(Config, SecretsAreRefusedUnlessAllowed) {
  EXPECT_EQ(ParseConfig("", "f")->secrets, SecretsRule::kRefuse);
  EXPECT_EQ(ParseConfig("secrets = \"allow\"", "f")->secrets, SecretsRule::kAllow);
  EXPECT_NE(ErrorOf("secrets = \"mask\"").find("choose refuse or allow"), std::string::npos);
}

}  // namespace
}  // namespace odw::config
