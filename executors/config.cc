#include "executors/config.h"

#include <stdlib.h>

#include <functional>
#include <set>
#include <toml++/toml.h>

#include "daemon/base/fd.h"
#include "executors/cli/program.h"
#include "executors/permission.h"

namespace odw::executors {
namespace {

constexpr size_t kConfigBytesMax = 1 << 20;
constexpr int64_t kSlotsMax = 100'000;
constexpr int64_t kTimeoutMsMax = int64_t{30} * 24 * 3600 * 1000;

absl::Status ErrorAt(const std::string& file, const toml::source_region& where, const std::string& what) {
  return absl::InvalidArgumentError(file + ":" + std::to_string(where.begin.line) + ": " + what);
}

// Reads one table key by key; remembers the first error and which keys it was asked for.
class TableReader {
 public:
  TableReader(const std::string& file, const std::string& path, const toml::table& table)
      : file_(file), path_(path), table_(table) {}

  void String(const char* key, std::string* out) {
    if (const toml::node* node = Find(key)) {
      if (!node->is_string()) return Wrong(*node, key, "a string");
      *out = **node->as_string();
    }
  }
  void Bool(const char* key, bool* out) {
    if (const toml::node* node = Find(key)) {
      if (!node->is_boolean()) return Wrong(*node, key, "true or false");
      *out = **node->as_boolean();
    }
  }
  template <typename T>
  void Number(const char* key, int64_t least, int64_t most, T* out) {
    if (const toml::node* node = Find(key)) {
      const auto* number = node->as_integer();
      if (number == nullptr || **number < least || **number > most) {
        return Wrong(*node, key, "a whole number from " + std::to_string(least) + " to " +
                                     std::to_string(most));
      }
      *out = static_cast<T>(**number);
    }
  }
  void Millis(const char* key, absl::Duration* out) {
    int64_t ms = absl::ToInt64Milliseconds(*out);
    Number(key, 1, kTimeoutMsMax, &ms);
    *out = absl::Milliseconds(ms);
  }
  void Strings(const char* key, std::vector<std::string>* out) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    const toml::array* list = node->as_array();
    if (list == nullptr) return Wrong(*node, key, "a list of strings");
    out->clear();
    for (const toml::node& item : *list) {
      if (!item.is_string()) return Wrong(item, key, "a list of strings");
      out->push_back(**item.as_string());
    }
  }
  void ExitStatuses(const char* key, std::vector<int>* out) {
    const toml::node* node = Find(key);
    if (node == nullptr) return;
    const toml::array* list = node->as_array();
    if (list == nullptr) return Wrong(*node, key, "a list of exit statuses");
    out->clear();
    for (const toml::node& item : *list) {
      const auto* number = item.as_integer();
      if (number == nullptr || **number < 0 || **number > 255) {
        return Wrong(item, key, "a list of numbers from 0 to 255");
      }
      out->push_back(static_cast<int>(**number));
    }
  }
  const toml::table* Table(const char* key) {
    const toml::node* node = Find(key);
    if (node == nullptr) return nullptr;
    if (!node->is_table()) Wrong(*node, key, "a table");
    return node->as_table();
  }
  void Reject(const char* key, const std::string& what) {
    if (const toml::node* node = table_.get(key)) Fail(*node, path_ + key + ": " + what);
  }

  absl::Status Finish() {
    if (!status_.ok()) return status_;
    for (const auto& [key, node] : table_) {
      const std::string name(key.str());
      if (known_.count(name) > 0) continue;
      std::string list;
      for (const std::string& known : known_) list += (list.empty() ? "" : ", ") + known;
      return ErrorAt(file_, key.source(), "unknown key '" + path_ + name + "'; known here: " + list);
    }
    return absl::OkStatus();
  }

 private:
  const toml::node* Find(const char* key) {
    known_.insert(key);
    return table_.get(key);
  }
  void Wrong(const toml::node& node, const char* key, const std::string& wanted) {
    Fail(node, "'" + path_ + key + "' must be " + wanted);
  }
  void Fail(const toml::node& node, const std::string& what) {
    if (status_.ok()) status_ = ErrorAt(file_, node.source(), what);
  }

  const std::string file_;
  const std::string path_;
  const toml::table& table_;
  std::set<std::string> known_;
  absl::Status status_;
};

absl::StatusOr<CommandConfig> ReadCommand(const std::string& file, const std::string& name,
                                          const toml::table& table) {
  CommandConfig command;
  TableReader reader(file, "commands." + name + ".", table);
  reader.String("program", &command.program);
  reader.Strings("args", &command.args);
  reader.ExitStatuses("exit_ok", &command.exit_ok);
  reader.Bool("read_only", &command.read_only);
  reader.Millis("timeout_ms", &command.timeout);
  reader.Number("output_bytes_max", 1, kCommandOutputBytesMax, &command.output_bytes_max);
  reader.Strings("env", &command.env);
  reader.Strings("pass_env", &command.pass_env);
  reader.String("cwd", &command.cwd);
  for (const std::string& entry : command.env) {
    if (entry.find('=') == std::string::npos) reader.Reject("env", "'" + entry + "' is not K=V");
  }
  if (!command.cwd.empty() && command.cwd[0] != '/') reader.Reject("cwd", "must be an absolute path");
  const std::string found = FindProgram(command.program);
  if (found.empty()) {
    reader.Reject("program", "'" + command.program +
                                 "' is not an executable file with an absolute path or on PATH");
  }
  ODW_RETURN_IF_ERROR(reader.Finish());
  if (found.empty()) {
    return ErrorAt(file, table.source(), "[commands." + name + "] needs program = \"...\"");
  }
  command.program = found;
  return command;
}

absl::Status ReadBamboo(const std::string& file, const toml::table& table, BambooConfig* bamboo) {
  TableReader reader(file, "bamboo.", table);
  reader.String("provider", &bamboo->provider);
  reader.String("base_url_env", &bamboo->base_url_env);
  reader.String("key_env", &bamboo->key_env);
  reader.String("model", &bamboo->model);
  reader.Strings("models", &bamboo->models);
  reader.Bool("tools", &bamboo->tools);
  reader.Number("turns_max", 1, 10'000, &bamboo->turns_max);
  reader.Millis("command_timeout_ms", &bamboo->command_timeout);
  reader.Strings("pass_env", &bamboo->pass_env);
  reader.Millis("timeout_ms", &bamboo->timeout);
  reader.Millis("idle_timeout_ms", &bamboo->idle_timeout);
  reader.Number("max_tokens", 0, 1 << 30, &bamboo->max_tokens);
  reader.Number("context_tokens", 0, 1 << 30, &bamboo->context_tokens);
  reader.String("currency", &bamboo->currency);
  constexpr int64_t kPriceMax = int64_t{1} << 50;
  reader.Number("input_micros_per_mtok", 0, kPriceMax, &bamboo->input_micros_per_mtok);
  reader.Number("cached_micros_per_mtok", 0, kPriceMax, &bamboo->cached_micros_per_mtok);
  reader.Number("output_micros_per_mtok", 0, kPriceMax, &bamboo->output_micros_per_mtok);
  return reader.Finish();
}

void CheckCli(const CliConfig& cli, TableReader* reader) {
  for (const std::string& entry : cli.env) {
    if (entry.find('=') == std::string::npos) reader->Reject("env", "'" + entry + "' is not K=V");
  }
  if (!cli.home.empty() && cli.home[0] != '/') reader->Reject("home", "must be an absolute path");
  if (!cli.home.empty() && cli.home_per_node)
    reader->Reject("home_per_node", "there is one home for all where home is set");
}

absl::Status ReadClaude(const std::string& file, const toml::table& table, CliConfig* claude) {
  TableReader reader(file, "claude.", table);
  reader.String("program", &claude->program);
  reader.String("model", &claude->model);
  reader.String("home", &claude->home);
  reader.Bool("home_per_node", &claude->home_per_node);
  reader.Millis("timeout_ms", &claude->timeout);
  reader.Millis("idle_timeout_ms", &claude->idle_timeout);
  reader.Number("output_bytes_max", 1 << 16, int64_t{1} << 32, &claude->output_bytes_max);
  reader.Number("inner_retries", 0, 10, &claude->inner_retries);
  reader.Strings("env", &claude->env);
  reader.Strings("pass_env", &claude->pass_env);
  reader.Bool("fail_on_denial", &claude->fail_on_denial);
  CheckCli(*claude, &reader);
  return reader.Finish();
}

absl::Status ReadCodex(const std::string& file, const toml::table& table, CliConfig* codex) {
  TableReader reader(file, "codex.", table);
  reader.String("program", &codex->program);
  reader.String("model", &codex->model);
  reader.String("home", &codex->home);
  reader.Bool("home_per_node", &codex->home_per_node);
  reader.Millis("timeout_ms", &codex->timeout);
  reader.Millis("idle_timeout_ms", &codex->idle_timeout);
  reader.Number("output_bytes_max", 1 << 16, int64_t{1} << 32, &codex->output_bytes_max);
  reader.Number("inner_retries", 0, 10, &codex->inner_retries);
  reader.Strings("env", &codex->env);
  reader.Strings("pass_env", &codex->pass_env);
  reader.String("base_url_env", &codex->base_url_env);
  reader.String("key_env", &codex->key_env);
  CheckCli(*codex, &reader);
  return reader.Finish();
}

absl::StatusOr<Config> Read(const std::string& file, const toml::table& root) {
  Config config;
  TableReader reader(file, "", root);
  if (const toml::table* table = reader.Table("executor")) {
    TableReader executor(file, "executor.", *table);
    executor.String("name", &config.name);
    executor.Number("slots", 1, kSlotsMax, &config.slots);
    executor.Strings("labels", &config.labels);
    executor.Number("spool_bytes_max", 1 << 16, int64_t{1} << 40, &config.spool_bytes_max);
    PoolLimits& limits = config.limits;
    executor.String("permission_max", &limits.permission_max);
    if (!limits.permission_max.empty() && !ParsePermission(limits.permission_max)) {
      executor.Reject("permission_max", "must be read-only, workspace-write or full");
    }
    executor.String("network", &limits.network);
    if (!limits.network.empty() && limits.network != "yes" && limits.network != "no") {
      executor.Reject("network", "must be yes or no");
    }
    executor.Strings("tools", &limits.tools);
    ODW_RETURN_IF_ERROR(executor.Finish());
  }
  if (const toml::table* table = reader.Table("commands")) {
    for (const auto& [key, node] : *table) {
      const std::string name(key.str());
      if (!node.is_table()) {
        return ErrorAt(file, key.source(), "'commands." + name + "' must be a table");
      }
      ODW_ASSIGN_OR_RETURN(config.commands[name], ReadCommand(file, name, *node.as_table()));
    }
  }
  if (const toml::table* table = reader.Table("claude")) {
    ODW_RETURN_IF_ERROR(ReadClaude(file, *table, &config.claude));
  }
  if (const toml::table* table = reader.Table("codex")) {
    ODW_RETURN_IF_ERROR(ReadCodex(file, *table, &config.codex));
  }
  if (const toml::table* table = reader.Table("bamboo")) {
    ODW_RETURN_IF_ERROR(ReadBamboo(file, *table, &config.bamboo));
  }
  ODW_RETURN_IF_ERROR(reader.Finish());
  return config;
}

}  // namespace

absl::StatusOr<Config> ParseConfig(const std::string& text, const std::string& name) {
  try {
    return Read(name, toml::parse(text, name));
  } catch (const toml::parse_error& error) {
    return ErrorAt(name, error.source(), std::string(error.description()));
  }
}

std::string CliVariable(const CliConfig& config, const std::string& name) {
  for (const std::string& entry : config.env) {
    if (entry.rfind(name + "=", 0) == 0) return entry.substr(name.size() + 1);
  }
  const char* const value = getenv(name.c_str());
  return value != nullptr ? value : "";
}

absl::StatusOr<Config> LoadConfig(const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(path, kConfigBytesMax);
  if (!text.ok()) return Annotate(text.status(), "the executor's config");
  return ParseConfig(*text, path);
}

}  // namespace odw::executors
