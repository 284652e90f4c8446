#include "client/private_daemon/executor_list.h"

#include <stdlib.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "client/failure.h"
#include "daemon/base/canonical_json.h"
#include "daemon/base/fd.h"

namespace odw::client {
namespace {

constexpr size_t kConfigBytesMax = 1 << 20;
constexpr size_t kListBytesMax = 1 << 20;
constexpr uint32_t kMockSlots = 16;

// Names the content of a config, so that a changed one gets a new executor. Not for security: who
// can write the file decides anyway which commands run.
std::string ContentName(const std::string& content) {
  uint64_t hash = 14695981039346656037ull;  // FNV-1a
  for (const unsigned char c : content) hash = (hash ^ c) * 1099511628211ull;
  char text[17];
  snprintf(text, sizeof text, "%08x", static_cast<unsigned>(hash ^ (hash >> 32)));
  return text;
}

absl::StatusOr<std::string> Absolute(const std::string& path) {
  char* real = realpath(path.c_str(), nullptr);
  if (real == nullptr) {
    return UsageError("the executor config cannot be used: " + MessageOf(ErrnoStatus(path)),
                      "Give a TOML file with [commands.NAME] tables, or none.");
  }
  std::string result = real;
  free(real);
  return result;
}

struct ConfigFile {
  std::string path;
  std::string content;
  bool declares_commands = false;
};

absl::StatusOr<ConfigFile> ReadConfig(const std::string& path) {
  ConfigFile file;
  ODW_ASSIGN_OR_RETURN(file.path, Absolute(path));
  absl::StatusOr<std::string> content = ReadFile(file.path, kConfigBytesMax);
  if (!content.ok()) {
    return UsageError("the executor config cannot be read: " + MessageOf(content.status()),
                      "Give a TOML file of at most 1 MiB.");
  }
  file.content = *std::move(content);
  try {
    const toml::table table = toml::parse(file.content);
    const toml::table* commands = table["commands"].as_table();
    file.declares_commands = commands != nullptr && !commands->empty();
  } catch (const toml::parse_error& error) {
    const auto at = error.source().begin;
    return UsageError(file.path + ":" + std::to_string(at.line) + ":" + std::to_string(at.column) +
                          ": " + std::string(error.description()),
                      "Correct the file; deploy/executor.example.toml shows its form.");
  }
  return file;
}

}  // namespace

absl::StatusOr<std::vector<ExecutorSpec>> ExecutorsFor(const StateFolder& folder,
                                                       const ExecutorWish& wish) {
  std::string path = wish.executor_config;
  if (path.empty() && access(folder.CommandConfig().c_str(), F_OK) == 0) {
    path = folder.CommandConfig();
  }
  ConfigFile config;
  if (!path.empty()) {
    ODW_ASSIGN_OR_RETURN(config, ReadConfig(path));
  }
  std::vector<ExecutorSpec> wanted;
  for (const std::string& runtime : wish.runtimes) {
    if (runtime == "mock") {
      wanted.push_back({.name = "mock", .runtime = "mock", .slots = kMockSlots});
    } else if (runtime != "command") {
      wanted.push_back({.name = runtime, .runtime = runtime, .config = config.path});
    } else if (!config.declares_commands) {
      return UsageError("the runtime command is asked for, but no command is declared",
                        "Declare [commands.NAME] tables in a file and give it: "
                        "--executor-config FILE.");
    }
  }
  if (config.declares_commands) {
    wanted.push_back({.name = "command-" + ContentName(config.path + "\n" + config.content),
                      .runtime = "command",
                      .config = config.path});
  }
  return wanted;
}

std::vector<ExecutorSpec> LoadExecutors(const StateFolder& folder) {
  const absl::StatusOr<std::string> text = ReadFile(folder.ExecutorList(), kListBytesMax);
  if (!text.ok()) return {};
  std::vector<ExecutorSpec> executors;
  try {
    for (const auto& entry : nlohmann::json::parse(*text)) {
      executors.push_back({.name = entry.at("name"),
                           .runtime = entry.at("runtime"),
                           .slots = entry.at("slots"),
                           .config = entry.at("config")});
    }
  } catch (const nlohmann::json::exception&) {
    return {};
  }
  return executors;
}

absl::Status SaveExecutors(const StateFolder& folder, const std::vector<ExecutorSpec>& executors) {
  nlohmann::json list = nlohmann::json::array();
  for (const ExecutorSpec& spec : executors) {
    list.push_back({{"name", spec.name},
                    {"runtime", spec.runtime},
                    {"slots", spec.slots},
                    {"config", spec.config}});
  }
  return WriteFileAtomically(
      folder.ExecutorList(),
      list.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

std::vector<ExecutorSpec> MergeExecutors(std::vector<ExecutorSpec> known,
                                         const std::vector<ExecutorSpec>& wanted,
                                         std::vector<std::string>* replaced) {
  for (const ExecutorSpec& spec : wanted) {
    std::erase_if(known, [&](const ExecutorSpec& old) {
      if (old.name == spec.name) return true;
      const bool outdated = old.runtime == spec.runtime && old.config == spec.config;
      if (outdated) replaced->push_back(old.name);
      return outdated;
    });
    known.push_back(spec);
  }
  return known;
}

std::string DaemonToml(const std::vector<ExecutorSpec>& executors) {
  std::string toml =
      "# Written by odwctl each time it starts the private daemon; changes are lost.\n";
  for (const ExecutorSpec& spec : executors) {
    // JSON's string literals are TOML's basic strings.
    toml += "\n[[executors]]\nruntime = " + JsonQuote(spec.runtime) +
            "\nname = " + JsonQuote(spec.name) + "\n";
    if (spec.slots != 0) toml += "slots = " + std::to_string(spec.slots) + "\n";
    if (!spec.config.empty()) toml += "config = " + JsonQuote(spec.config) + "\n";
  }
  return toml;
}

}  // namespace odw::client
