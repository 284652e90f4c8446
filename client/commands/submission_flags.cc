#include <CLI/CLI.hpp>

#include "client/commands/submission.h"

namespace odw::client {
namespace {

// CLI11's own names every number that a double can be.
const CLI::Validator& AboveZero() {
  static const auto* const validator = new CLI::Validator(
      [](std::string& text) -> std::string {
        double number = 0;
        if (CLI::detail::lexical_cast(text, number) && number > 0) return "";
        return "'" + text + "' is no number above 0";
      },
      "NUMBER", "above 0");
  return *validator;
}

void AddLimitFlags(CLI::App* command, RunFlags* flags) {
  command->add_option("--concurrency", flags->concurrency, "Nodes at work at once in this run")
      ->check(AboveZero());
  command->add_option("--agents-max", flags->agents_max, "Agent calls that the run may make")
      ->check(AboveZero());
  command
      ->add_option("--list-max", flags->list_length_max,
                   "Longest list that parallel() and pipeline() take")
      ->check(AboveZero());
  command
      ->add_option("--schema-tries", flags->schema_tries_max,
                   "Answers that a call may try against its schema, the first included")
      ->check(AboveZero());
  command
      ->add_option("--budget", flags->budget_tokens,
                   "What the script sees as budget.total: past it, further calls are refused")
      ->check(AboveZero());
  command->add_option("--max-tokens", flags->tokens_max,
                      "Pause the run at so many tokens of any kind: 2000000, 500k, 2M");
  command->add_option("--max-cost", flags->cost_max, "Pause the run at this cost: 5USD, 30CNY");
}

}  // namespace

void AddScriptFlags(CLI::App* command, SubmissionFlags* flags) {
  auto* file = command->add_option(
      "file", flags->file, "The workflow script, or a saved workflow's name; - reads stdin");
  command->add_option("--script", flags->file, "The same, as a flag")->excludes(file);
  auto* args = command->add_option("--args,--input", flags->args,
                                   "The script's `args`: JSON, or else taken as a plain string");
  command
      ->add_option("--args-file,--input-file", flags->args_file,
                   "The same from a file; - reads stdin")
      ->excludes(args);
}

void AddRunFlags(CLI::App* command, RunFlags* flags, const Session& session) {
  if (session.as_odw()) flags->dialect = "odw";
  command->add_option(
      "--runtime", flags->runtime,
      "The runtime for agent() calls that name none: claude, codex, bamboo, "
      "command, mock (default: $ODW_RUNTIME); a private daemon starts its executor");
  command->add_option("--backend", flags->backend,
                      "mock: every call is answered by the mock, whatever it names; pandacode: the "
                      "real runtimes; another name: as --runtime");
  command->add_option("--executor-config", flags->executor_config,
                      "TOML file that declares commands ([commands.NAME]) and providers for the "
                      "private daemon's executors");
  command->add_option("--cwd", flags->cwd,
                      "The folder that command and agent nodes work in (default: this one)");
  command->add_option("--model", flags->model, "The model for agent() calls that name none");
  command
      ->add_option("--fallback", flags->fallback,
                   "Models to try in turn when a call's own cannot answer, comma-separated: "
                   "RUNTIME/MODEL or RUNTIME:PROVIDER/MODEL")
      ->delimiter(',');
  command
      ->add_option("--permission", flags->permission,
                   "The most that a node may do; the strictest of pool, run and node holds")
      ->check(CLI::IsMember({"read-only", "workspace-write", "full"}));
  command->add_option("--network", flags->network, "Whether nodes may use the network: yes or no")
      ->check(CLI::IsMember({"yes", "no"}));
  command->add_flag("--strict-agent-types", flags->strict_agent_types,
                    "An agentType that no file defines rejects its call");
  command->add_flag("--include-dirty", flags->include_dirty,
                    "Worktrees start with the uncommitted changes of the folder");
  command
      ->add_option("--dialect", flags->dialect,
                   "How the script is read: builtin or odw (default: told from the script)")
      ->check(CLI::IsMember({"builtin", "odw", "auto"}));
  AddLimitFlags(command, flags);
}

}  // namespace odw::client
