#include "executors/make_runtime.h"

#include "executors/cli/cli_runtime.h"
#include "executors/runtimes/bamboo/bamboo_runtime.h"
#include "executors/runtimes/claude/claude_adapter.h"
#include "executors/runtimes/codex/codex_adapter.h"
#include "executors/runtimes/command/command_runtime.h"
#include "executors/runtimes/mock/mock_runtime.h"

namespace odw::executors {
namespace {

std::unique_ptr<Runtime> MakeCli(EventLoop* loop, std::unique_ptr<CliAdapter> adapter,
                                 const CliConfig& config, const std::string& folder,
                                 ZygoteHandle zygote, Validator* validator) {
  const CliOptions options{.folder = folder,
                           .timeout = config.timeout,
                           .idle_timeout = config.idle_timeout,
                           .output_bytes_max = config.output_bytes_max,
                           .home_per_node = config.home_per_node};
  return std::make_unique<CliRuntime>(loop, std::move(adapter), options, std::move(zygote),
                                      validator);
}

}  // namespace

const std::vector<std::string>& RuntimeNames() {
  static const auto* const names =
      new std::vector<std::string>{"mock", "command", "bamboo", "claude", "codex"};
  return *names;
}

bool NeedsZygote(const std::string& runtime) {
  return runtime == "command" || runtime == "claude" || runtime == "codex";
}

absl::StatusOr<std::unique_ptr<Runtime>> MakeRuntime(const std::string& runtime,
                                                     const Config& config,
                                                     const std::string& folder, EventLoop* loop,
                                                     Validator* validator, ZygoteHandle zygote) {
  if (runtime == "bamboo") {
    ODW_ASSIGN_OR_RETURN(auto bamboo,
                         BambooRuntime::FromEnvironment(loop, config.bamboo, folder, validator));
    return std::unique_ptr<Runtime>(std::move(bamboo));
  }
  if (runtime == "command") {
    return std::unique_ptr<Runtime>(std::make_unique<CommandRuntime>(
        loop, config.commands, folder + "/tasks", std::move(zygote), validator));
  }
  if (runtime == "claude") {
    ODW_ASSIGN_OR_RETURN(auto adapter, ClaudeAdapter::Make(config.claude, folder));
    return MakeCli(loop, std::move(adapter), config.claude, folder, std::move(zygote), validator);
  }
  if (runtime == "codex") {
    ODW_ASSIGN_OR_RETURN(auto adapter, CodexAdapter::Make(config.codex, folder));
    return MakeCli(loop, std::move(adapter), config.codex, folder, std::move(zygote), validator);
  }
  return std::unique_ptr<Runtime>(std::make_unique<MockRuntime>(loop, validator));
}

}  // namespace odw::executors
