// An executor's settings from TOML (--config). An unknown key or a value of the wrong kind is an error
// with its line. deploy/ has an example with every key explained.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "daemon/base/status.h"
#include "executors/permission.h"

namespace odw::executors {

inline constexpr uint64_t kCommandOutputBytesMax = 64 << 20;  // a result's limit

// [commands.NAME]: what the name stands for in agent(label, {runtime: 'command', command: NAME}).
struct CommandConfig {
  std::string program;     // absolute: looked up on PATH when the config is read
  std::vector<std::string> args;  // fixed first arguments, before the request's
  std::vector<int> exit_ok = {0};  // exit statuses that are a success (grep's 1: no line matched)
  bool read_only = false;  // may run again after a lost host
  absl::Duration timeout = absl::Minutes(10);
  uint64_t output_bytes_max = 8 << 20;
  std::vector<std::string> env;       // "K=V"
  std::vector<std::string> pass_env;  // names that are passed on from the executor's environment
  std::string cwd;                    // a fixed folder; empty: the request's, else the executor's
};

// [claude], [codex]: an agent CLI. What each key does: docs/runtimes.md.
struct CliConfig {
  std::string program;  // empty: by its name on PATH
  std::string model;    // for requests that name none; empty: the CLI's own default
  std::string home;     // its HOME; empty: a folder of this executor's own
  bool home_per_node = false;  // a fresh HOME for each node instead
  absl::Duration timeout = absl::Minutes(60);
  absl::Duration idle_timeout = absl::Minutes(15);  // without an event
  uint64_t output_bytes_max = 64 << 20;             // of one turn's events
  uint32_t inner_retries = 2;                       // the CLI's own, before the daemon's
  std::vector<std::string> env;                     // "K=V"
  std::vector<std::string> pass_env;                // names that are passed on from the executor's environment
  bool fail_on_denial = false;                      // claude: a denied tool fails the task
  std::string base_url_env = "OPENAI_BASE_URL";     // codex
  std::string key_env = "OPENAI_API_KEY";           // codex
};

// [bamboo]: an OpenAI-compatible provider, and its agent. URLs and keys come from the environment only.
struct BambooConfig {
  std::string provider = "openai-compatible";
  std::string base_url_env = "ODW_BAMBOO_BASE_URL";
  std::string key_env = "ODW_BAMBOO_API_KEY";
  std::string model;  // for requests that name none
  std::vector<std::string> models;  // further ones to offer
  bool tools = true;                // the file and shell tools
  uint32_t turns_max = 100;         // answers of the model for one task
  absl::Duration command_timeout = absl::Minutes(2);
  std::vector<std::string> pass_env;  // to commands: names, beside PATH, HOME and the like
  absl::Duration timeout = absl::Minutes(30);
  absl::Duration idle_timeout = absl::Minutes(3);  // without a byte
  uint32_t max_tokens = 0;                         // 0: not sent
  uint64_t context_tokens = 0;
  std::string currency;  // empty: unpriced
  int64_t input_micros_per_mtok = 0;
  int64_t cached_micros_per_mtok = 0;
  int64_t output_micros_per_mtok = 0;
};

struct Config {
  std::string name;  // empty: not said
  uint32_t slots = 0;
  std::vector<std::string> labels;
  uint64_t spool_bytes_max = 0;
  PoolLimits limits;
  std::map<std::string, CommandConfig> commands;
  CliConfig claude;
  CliConfig codex;
  BambooConfig bamboo;
};

// The value of a variable as the CLI will see it: the config's `env` comes before this process's
// environment. Empty where it is not set.
std::string CliVariable(const CliConfig& config, const std::string& name);

absl::StatusOr<Config> LoadConfig(const std::string& path);
// `name` stands for the file in messages.
absl::StatusOr<Config> ParseConfig(const std::string& text, const std::string& name);

}  // namespace odw::executors
