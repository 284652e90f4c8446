#include "daemon/config/config.h"

#include <sched.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <optional>

#include "daemon/base/fd.h"
#include "daemon/base/log.h"

namespace odw::config {
namespace {

constexpr size_t kFileBytesMax = 1u << 20;
constexpr size_t kTextBytesMax = 4096;
constexpr size_t kFallbacksMax = 16;
constexpr uint32_t kEnvironmentConcurrencyMax = 256;
constexpr uint32_t kCcConcurrencyLeast = 2;
constexpr int64_t kTokensMax = 9007199254740991;
constexpr double kMoneyMax = 1e9;
constexpr uint32_t kCcConcurrencyMost = 16;

// Three capital letters, as in ISO 4217.
bool IsCurrency(std::string_view text) {
  return text.size() == 3 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// Reads one table: each key by its type and bounds, then whatever was not asked for is an error.
class TableReader {
 public:
  TableReader(const toml::table& table, std::string file, std::string prefix)
      : table_(table), file_(std::move(file)), prefix_(std::move(prefix)) {}

  void Text(const char* key, std::string* out) {
    const toml::node* node = Take(key);
    if (node == nullptr) return;
    const auto value = node->value_exact<std::string>();
    if (!value) return WrongType(key, *node, "a string");
    if (value->size() > kTextBytesMax || value->find('\0') != std::string::npos) {
      return Fail(*node, Name(key) + " is too long or holds a zero byte");
    }
    *out = *value;
  }

  void Flag(const char* key, bool* out) {
    const toml::node* node = Take(key);
    if (node == nullptr) return;
    const auto value = node->value_exact<bool>();
    if (!value) return WrongType(key, *node, "true or false");
    *out = *value;
  }

  // A word that stands for a number.
  struct Word {
    const char* word;
    uint32_t means;
  };

  void Number(const char* key, uint32_t least, uint32_t most, uint32_t* out,
              const std::optional<Word>& word = std::nullopt) {
    const toml::node* node = Take(key);
    if (node == nullptr) return;
    if (word && node->value_exact<std::string>() == word->word) {
      *out = word->means;
      return;
    }
    const auto value = node->value_exact<int64_t>();
    if (!value) return WrongType(key, *node, "a whole number");
    if (*value < least || *value > most) {
      return Fail(*node, Name(key) + " is " + std::to_string(*value) + " and must be from " +
                             std::to_string(least) + " to " + std::to_string(most));
    }
    *out = static_cast<uint32_t>(*value);
  }

  // Up to what a double still counts one by one.
  void Tokens(const char* key, uint64_t* out) {
    const toml::node* node = Take(key);
    if (node == nullptr) return;
    const auto value = node->value_exact<int64_t>();
    if (!value || *value < 0 || *value > kTokensMax) {
      return WrongType(key, *node, "a whole number of tokens, 0 for none");
    }
    *out = static_cast<uint64_t>(*value);
  }

  // "20USD"
  void Money(const char* key, int64_t* micros, std::string* currency) {
    const toml::node* node = Take(key);
    if (node == nullptr) return;
    const std::string text = node->value_exact<std::string>().value_or("");
    char* end = nullptr;
    const double amount = strtod(text.c_str(), &end);
    const bool ok = !text.empty() && std::isfinite(amount) && amount > 0 && amount <= kMoneyMax &&
                    IsCurrency(end) && isdigit(static_cast<unsigned char>(text[0]));
    if (!ok) return WrongType(key, *node, "an amount and its currency, such as \"20USD\"");
    *micros = std::llround(amount * 1e6);
    *currency = end;
  }

  // {CNY = 7.1}: added to those that are there.
  void Rates(const char* key, std::map<std::string, double>* out) {
    const toml::node* node = Take(key);
    if (node == nullptr) return;
    const toml::table* table = node->as_table();
    if (table == nullptr || table->size() > kRatesMax) {
      return WrongType(key, *node, "a table of at most " + std::to_string(kRatesMax) + " currencies");
    }
    for (const auto& [name, item] : *table) {
      const std::string currency(name.str());
      const double rate = item.is_number() ? item.value<double>().value_or(0) : 0;
      const bool ok = IsCurrency(currency) && std::isfinite(rate) && rate > 0 &&
                      (currency != "USD" || rate == 1);
      if (!ok) {
        return WrongType(key, item, "three capital letters and how much of it a US dollar buys, such as "
                                    "CNY = 7.1 (USD itself is 1)");
      }
      (*out)[currency] = rate;
    }
  }

  void Seconds(const char* key, uint32_t least, uint32_t most, absl::Duration* out) {
    uint32_t seconds = static_cast<uint32_t>(absl::ToInt64Seconds(*out));
    Number(key, least, most, &seconds);
    *out = absl::Seconds(seconds);
  }

  void Texts(const char* key, size_t count_max, std::vector<std::string>* out) {
    const toml::node* node = Take(key);
    if (node == nullptr) return;
    const toml::array* array = node->as_array();
    if (array == nullptr) return WrongType(key, *node, "a list of strings");
    if (array->size() > count_max) {
      return Fail(*node, Name(key) + " may have " + std::to_string(count_max) + " entries");
    }
    for (const toml::node& item : *array) {
      const auto value = item.value_exact<std::string>();
      if (!value) return WrongType(key, item, "a list of strings");
      out->push_back(*value);
    }
  }

  // Calls `read` with the reader of a sub-table, when there is one.
  void Table(const char* key, const std::function<void(TableReader&)>& read) {
    const toml::node* node = Take(key);
    if (node == nullptr) return;
    if (node->as_table() == nullptr) return WrongType(key, *node, "a table");
    ReadSub(*node->as_table(), Name(key), read);
  }

  void Tables(const char* key, size_t count_max, const std::function<void(TableReader&)>& read) {
    const toml::node* node = Take(key);
    if (node == nullptr) return;
    const toml::array* array = node->as_array();
    if (array == nullptr)
      return WrongType(key, *node, std::string("a list of tables, [[") + key + "]]");
    if (array->size() > count_max) {
      return Fail(*node, Name(key) + " may have " + std::to_string(count_max) + " entries");
    }
    for (const toml::node& item : *array) {
      if (item.as_table() == nullptr) return WrongType(key, item, "a table");
      ReadSub(*item.as_table(), Name(key), read);
    }
  }

  void Require(const char* key, const std::string& value) {
    if (value.empty()) Fail(table_, "this " + prefix_ + " needs `" + key + "`");
  }

  // The first error; unknown keys come last.
  absl::Status Finish() {
    for (const auto& [key, node] : table_) {
      if (std::find(taken_.begin(), taken_.end(), key.str()) != taken_.end()) continue;
      FailAt(key.source(),
             "unknown key `" + Name(std::string(key.str())) + "`; known here: " + Known());
    }
    return status_;
  }

 private:
  const toml::node* Take(const char* key) {
    taken_.emplace_back(key);
    return table_.get(key);
  }

  void ReadSub(const toml::table& table, const std::string& prefix,
               const std::function<void(TableReader&)>& read) {
    TableReader sub(table, file_, prefix);
    read(sub);
    if (status_.ok()) status_ = sub.Finish();
  }

  std::string Name(const std::string& key) const {
    return prefix_.empty() ? key : prefix_ + "." + key;
  }

  std::string Known() const {
    std::string all;
    for (const std::string& key : taken_) all += (all.empty() ? "" : ", ") + key;
    return all;
  }

  void WrongType(const std::string& key, const toml::node& node, const std::string& expected) {
    Fail(node, Name(key) + " must be " + expected);
  }
  void Fail(const toml::node& node, const std::string& what) { FailAt(node.source(), what); }
  void FailAt(const toml::source_region& at, const std::string& what) {
    if (!status_.ok()) return;
    status_ = absl::InvalidArgumentError(file_ + ":" + std::to_string(at.begin.line) + ":" +
                                         std::to_string(at.begin.column) + ": " + what);
  }

  const toml::table& table_;
  const std::string file_;
  const std::string prefix_;
  std::vector<std::string> taken_;
  absl::Status status_;
};

void ReadLimits(TableReader& in, Limits* out) {
  in.Number("concurrency", 1, kConcurrencyMax, &out->concurrency,
            TableReader::Word{.word = "cc", .means = CcConcurrency(UsableProcessors())});
  in.Number("agents_max", 1, kAgentsMax, &out->agents_max);
  in.Number("list_length_max", 1, kListLengthMax, &out->list_length_max);
  in.Number("prompt_bytes_max", 1024, 16u << 20, &out->prompt_bytes_max);
  in.Number("result_bytes_max", 1024, 64u << 20, &out->result_bytes_max);
  in.Number("args_bytes_max", 1024, 16u << 20, &out->args_bytes_max);
  in.Number("script_chars_max", 1024, 16u << 20, &out->script_chars_max);
  in.Number("log_lines_max", 1, 1000000, &out->log_lines_max);
  in.Number("log_bytes_max", 1024, 256u << 20, &out->log_bytes_max);
  in.Number("turn_cpu_ms", 10, 3600 * 1000, &out->turn_cpu_ms);
  in.Number("heap_bytes_max", 16u << 20, 2048u << 20, &out->heap_bytes_max);
  in.Number("call_refusals_max", 1, 1000000, &out->call_refusals_max);
  in.Number("open_runs_max", 1, 1000000, &out->open_runs_max);
  in.Number("return_grace_ms", 0, 600 * 1000, &out->return_grace_ms);
  in.Number("schema_tries_max", 1, 100, &out->schema_tries_max);
  in.Number("stall_ms", 1000, 24 * 3600 * 1000, &out->stall_ms);
  in.Number("stall_tries_max", 1, 100, &out->stall_tries_max);
}

void ReadBudget(TableReader& in, Budget* out) {
  in.Tokens("day_tokens_max", &out->day_tokens_max);
  in.Money("day_cost_max", &out->day_cost_micros_max, &out->day_cost_currency);
  in.Rates("exchange", &out->exchange);
}

void ReadFallback(TableReader& in, std::map<std::string, std::vector<std::string>>* out) {
  in.Texts("claude", kFallbacksMax, &(*out)["claude"]);
  in.Texts("codex", kFallbacksMax, &(*out)["codex"]);
  in.Texts("bamboo", kFallbacksMax, &(*out)["bamboo"]);
  in.Texts("mock", kFallbacksMax, &(*out)["mock"]);
}

void ReadExecutor(TableReader& in, std::vector<ExecutorAutostart>* out) {
  ExecutorAutostart executor;
  in.Text("runtime", &executor.runtime);
  in.Number("slots", 1, kSlotsMax, &executor.slots);
  in.Text("name", &executor.name);
  in.Text("config", &executor.config_file);
  in.Require("runtime", executor.runtime);
  if (executor.name.empty()) executor.name = executor.runtime;
  out->push_back(std::move(executor));
}

absl::Status ReadAll(const toml::table& table, const std::string& file, Config* config) {
  TableReader in(table, file, "");
  in.Text("data", &config->data_dir);
  in.Texts("listen", kListenAddressesMax, &config->listen);
  in.Text("http", &config->http_listen);
  in.Flag("private", &config->private_mode);
  in.Seconds("private_linger_seconds", 0, 24 * 3600, &config->private_linger);
  in.Text("log_level", &config->log_level);
  in.Number("script_hosts", kScriptHostsMin, kScriptHostsMax, &config->script_hosts_max);
  in.Seconds("lease_grace_local_seconds", 0, 24 * 3600, &config->lease_grace_local);
  in.Text("default_runtime", &config->default_runtime);
  in.Text("default_model", &config->default_model);
  in.Texts("workflow_folders", kWorkflowFoldersMax, &config->workflow_folders);
  std::string secrets = "refuse";
  in.Text("secrets", &secrets);
  if (secrets == "allow") config->secrets = SecretsRule::kAllow;
  in.Table("limits", [&](TableReader& sub) { ReadLimits(sub, &config->limits); });
  in.Table("budget", [&](TableReader& sub) { ReadBudget(sub, &config->budget); });
  in.Table("fallback", [&](TableReader& sub) { ReadFallback(sub, &config->fallback); });
  in.Tables("executors", kExecutorsMax,
            [&](TableReader& sub) { ReadExecutor(sub, &config->executors); });
  ODW_RETURN_IF_ERROR(in.Finish());
  if (secrets == "allow" || secrets == "refuse") return absl::OkStatus();
  return absl::InvalidArgumentError(file + ": secrets is '" + secrets +
                                    "'; choose refuse or allow");
}

// The digits of a setting of the environment; nullopt when it is unset or no such number.
std::optional<uint32_t> ConcurrencyFrom(const char* name) {
  const char* value = getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  const std::string text = value;
  const bool digits = text.size() <= 3 && text.find_first_not_of("0123456789") == std::string::npos;
  const uint32_t number = digits ? static_cast<uint32_t>(std::stoul(text)) : 0;
  if (number >= 1 && number <= kEnvironmentConcurrencyMax) return number;
  LogWarning(std::string(name) + " is not a number from 1 to " +
             std::to_string(kEnvironmentConcurrencyMax) + " and is left out");
  return std::nullopt;
}

// "200000 100000" of cgroup v2: two processors' worth. 0: no quota.
uint32_t QuotaProcessors() {
  const absl::StatusOr<std::string> text = ReadFile("/sys/fs/cgroup/cpu.max", 256);
  unsigned long quota = 0, period = 0;
  if (!text.ok() || sscanf(text->c_str(), "%lu %lu", &quota, &period) != 2 || period == 0) return 0;
  return static_cast<uint32_t>(quota / period);
}

absl::Status CheckNames(const Config& config) {
  const std::string& level = config.log_level;
  if (level != "debug" && level != "info" && level != "warning" && level != "error") {
    return absl::InvalidArgumentError("log_level is '" + level +
                                      "'; choose debug, info, warning or error");
  }
  if (!config.budget.exchange.contains(config.budget.day_cost_currency)) {
    return absl::InvalidArgumentError(
        "budget.day_cost_max is in " + config.budget.day_cost_currency +
        ", which has no rate: say under budget.exchange how much of it a US dollar buys");
  }
  std::vector<std::string> names;
  for (const ExecutorAutostart& executor : config.executors) {
    // It names a state folder.
    if (executor.name.find('/') != std::string::npos || executor.name[0] == '.') {
      return absl::InvalidArgumentError("executor name '" + executor.name +
                                        "' may not hold '/' or start with '.'");
    }
    if (std::find(names.begin(), names.end(), executor.name) != names.end()) {
      return absl::InvalidArgumentError("two executors are named '" + executor.name +
                                        "': give each a `name` of its own");
    }
    names.push_back(executor.name);
  }
  return absl::OkStatus();
}

uint64_t MemoryBytesTotal() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(page) : 0;
}

}  // namespace

absl::StatusOr<Config> ParseConfig(const std::string& toml, const std::string& file_name) {
  try {
    const toml::table table = toml::parse(toml, file_name);
    Config config;
    ODW_RETURN_IF_ERROR(ReadAll(table, file_name, &config));
    return config;
  } catch (const toml::parse_error& error) {
    const toml::source_position at = error.source().begin;
    return absl::InvalidArgumentError(file_name + ":" + std::to_string(at.line) + ":" +
                                      std::to_string(at.column) + ": " +
                                      std::string(error.description()));
  }
}

absl::StatusOr<Config> LoadConfig(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kFileBytesMax);
  if (!text.ok()) return Annotate(text.status(), "reading the configuration");
  return ParseConfig(*text, path);
}

absl::Status Finish(Config* config) {
  if (config->data_dir.empty()) {
    return absl::InvalidArgumentError(
        "no data folder: give --data DIR or `data` in the configuration");
  }
  if (config->data_dir[0] != '/') {
    return absl::InvalidArgumentError("the data folder '" + config->data_dir +
                                      "' must be an absolute path");
  }
  if (config->listen.empty()) config->listen.push_back("unix:" + config->data_dir + "/odwd.sock");
  if (config->listen.size() > kListenAddressesMax) {
    return absl::InvalidArgumentError("at most " + std::to_string(kListenAddressesMax) +
                                      " listen addresses");
  }
  for (const std::string& address : config->listen)
    ODW_RETURN_IF_ERROR(CheckListenAddress(address));
  if (!config->http_listen.empty()) ODW_RETURN_IF_ERROR(CheckHttpAddress(config->http_listen));
  if (config->script_hosts_max == 0)
    config->script_hosts_max = DefaultScriptHosts(MemoryBytesTotal());
  if (config->script_hosts_max < kScriptHostsMin || config->script_hosts_max > kScriptHostsMax) {
    return absl::InvalidArgumentError("script_hosts must be from " +
                                      std::to_string(kScriptHostsMin) + " to " +
                                      std::to_string(kScriptHostsMax));
  }
  for (const std::string& folder : config->workflow_folders) {
    if (folder.empty() || folder[0] != '/') {
      return absl::InvalidArgumentError("workflow_folders has '" + folder +
                                        "', which is not an absolute path");
    }
  }
  return CheckNames(*config);
}

void ApplyEnvironment(Config* config) {
  std::optional<uint32_t> number = ConcurrencyFrom("ODW_MAX_CONCURRENT_AGENTS");
  if (!number) number = ConcurrencyFrom("CLAUDE_CODE_WORKFLOW_MAX_CONCURRENT_AGENTS");
  if (number) config->limits.concurrency = *number;
}

uint32_t CcConcurrency(uint32_t processors) {
  const uint32_t left = processors > kCcConcurrencyLeast ? processors - 2 : 0;
  return std::clamp(left, kCcConcurrencyLeast, kCcConcurrencyMost);
}

uint32_t UsableProcessors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  const bool known = sched_getaffinity(0, sizeof set, &set) == 0;
  const uint32_t count = known ? static_cast<uint32_t>(CPU_COUNT(&set)) : 1;
  const uint32_t quota = QuotaProcessors();
  return quota > 0 ? std::min(count, quota) : count;
}

uint32_t DefaultScriptHosts(uint64_t memory_bytes_total) {
  return static_cast<uint32_t>(std::clamp<uint64_t>(memory_bytes_total / 8 / (16u << 20), 4, 64));
}

}  // namespace odw::config
