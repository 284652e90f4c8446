// odwd's settings, typed, with their defaults and bounds. The file is TOML; an unknown key, a wrong
// type or a value out of bounds is an error with its line and column. Every key is explained in
// deploy/odwd.example.toml.
//
// Threads: plain data, read-only after start-up.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "daemon/base/status.h"

namespace odw::config {

inline constexpr uint32_t kExecutorsMax = 64;
inline constexpr uint32_t kListenAddressesMax = 16;
inline constexpr uint32_t kScriptHostsMin = 2;
inline constexpr uint32_t kScriptHostsMax = 512;
inline constexpr uint32_t kSlotsMax = 65536;

// What a setting, or a run's own options, may raise the first three limits to.
inline constexpr uint32_t kConcurrencyMax = 65536;
inline constexpr uint32_t kAgentsMax = 1000000;
inline constexpr uint32_t kListLengthMax = 1000000;
inline constexpr uint32_t kWorkflowFoldersMax = 64;
inline constexpr size_t kRatesMax = 64;

// What submit does with a script or args that hold what looks like a credential.
enum class SecretsRule { kRefuse, kAllow };

// What a run may do; DESIGN.md "Limits". Pinned in a run's header when it is submitted.
struct Limits {
  uint32_t concurrency = 16;
  uint32_t agents_max = 1000;
  uint32_t list_length_max = 4096;
  uint32_t prompt_bytes_max = 16u << 20;
  uint32_t result_bytes_max = 64u << 20;
  uint32_t args_bytes_max = 16u << 20;
  uint32_t script_chars_max = 524288;
  uint32_t log_lines_max = 10000;
  uint32_t log_bytes_max = 1u << 20;
  uint32_t turn_cpu_ms = 30000;
  uint32_t heap_bytes_max = 256u << 20;
  uint32_t call_refusals_max = 10000;
  uint32_t open_runs_max = 10000;
  uint32_t return_grace_ms = 2000;
  uint32_t schema_tries_max = 5;    // SPEC D14: answers tried against a schema, the first included
  uint32_t stall_ms = 180000;       // SPEC D15: a node without progress for so long is stalled
  uint32_t stall_tries_max = 6;
};

// What all runs together may use on a day (UTC), and what money is worth.
struct Budget {
  uint64_t day_tokens_max = 0;  // all tokens; 0: no ceiling
  int64_t day_cost_micros_max = 0;
  std::string day_cost_currency = "USD";
  // How much of a currency a dollar buys. That of the yuan is approximate, as of November 2025.
  std::map<std::string, double> exchange = {{"USD", 1}, {"CNY", 7.1}};
};

// An executor that odwd starts itself (odwctl's private daemon).
struct ExecutorAutostart {
  std::string runtime;
  uint32_t slots = 0;       // 0: the executor's own default
  std::string name;         // default: the runtime's name
  std::string config_file;  // empty: none
};

struct Config {
  std::string data_dir;  // REQUIRED before Finish
  std::vector<std::string>
      listen;               // "unix:PATH" or loopback "IP:PORT"; default unix:<data_dir>/odwd.sock
  std::string http_listen;  // loopback "IP:PORT"; empty: no HTTP
  bool private_mode = false;  // end when nobody needs this daemon
  absl::Duration private_linger = absl::Seconds(60);
  std::string log_level = "info";  // debug, info, warning, error
  uint32_t script_hosts_max = 0;   // 0: from memory, see DefaultScriptHosts
  Limits limits;
  Budget budget;
  absl::Duration lease_grace_local = absl::Seconds(10);
  std::string default_runtime;  // for agent() without `runtime`; empty: the script must name one
  std::string default_model;
  // Absolute; besides a run's own project, where scriptPath may point.
  std::vector<std::string> workflow_folders;
  // By runtime: what a call goes on with whose own model has failed for good.
  std::map<std::string, std::vector<std::string>> fallback;
  SecretsRule secrets = SecretsRule::kRefuse;
  std::vector<ExecutorAutostart> executors;
};

// InvalidArgument: "FILE:LINE:COLUMN: what; what to do".
absl::StatusOr<Config> ParseConfig(const std::string& toml, const std::string& file_name);
absl::StatusOr<Config> LoadConfig(const std::string& path);

// Fills defaults that depend on others and checks what the command line may have changed:
// addresses, bounds, data_dir. Call once, after flags were applied.
absl::Status Finish(Config* config);

// SPEC J2: ODW_MAX_CONCURRENT_AGENTS, or else CLAUDE_CODE_WORKFLOW_MAX_CONCURRENT_AGENTS: digits alone,
// 1 to 256, wins over the file. Anything else is left out with a warning in the log.
void ApplyEnvironment(Config* config);

// SPEC J1, `concurrency = "cc"`: min(16, processors - 2), at least 2.
uint32_t CcConcurrency(uint32_t processors);
// Of this process: its affinity, and its control group's CPU quota, rounded down.
uint32_t UsableProcessors();

// clamp(total / 8 / 16 MB, 4, 64): an eighth of the machine's memory for V8 heaps.
uint32_t DefaultScriptHosts(uint64_t memory_bytes_total);

// InvalidArgument with the reason unless `address` is "unix:PATH" (absolute, at most 107 bytes) or
// a numeric loopback "IP:PORT" ("127.0.0.1:7700", "[::1]:0").
absl::Status CheckListenAddress(const std::string& address);

// The same for an HTTP address, which is loopback TCP only.
absl::Status CheckHttpAddress(const std::string& address);

}  // namespace odw::config
