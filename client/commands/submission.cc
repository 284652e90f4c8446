#include "client/commands/submission.h"

#include <sys/random.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "client/failure.h"
#include "client/output/json.h"
#include "daemon/base/canonical_json.h"
#include "daemon/base/fd.h"

namespace odw::client {
namespace {

// Beyond the daemon's own limits, so that those speak first; here only memory is protected.
constexpr size_t kScriptBytesMax = 4 << 20;
constexpr size_t kArgsBytesMax = 17 << 20;

absl::StatusOr<std::string> ReadInput(const std::string& path, size_t bytes_max,
                                      const std::string& what) {
  const std::string source = path == "-" ? "/dev/stdin" : path;
  absl::StatusOr<std::string> content = ReadFile(source, bytes_max);
  if (content.ok()) return content;
  return UsageError("the " + what + " cannot be read: " + MessageOf(content.status()),
                    absl::IsResourceExhausted(content.status())
                        ? "It may have " + std::to_string(bytes_max >> 20) + " MiB at most."
                        : "Check the path, or give - to read it from stdin.");
}

absl::StatusOr<std::string> CurrentFolder() {
  char* folder = getcwd(nullptr, 0);
  if (folder == nullptr) {
    return UsageError("the current folder is gone",
                      "Change to a folder that exists, or --cwd DIR.");
  }
  std::string result = folder;
  free(folder);
  return result;
}

absl::StatusOr<std::string> WorkFolder(const std::string& flag) {
  if (flag.empty()) return CurrentFolder();
  char* real = realpath(flag.c_str(), nullptr);
  if (real == nullptr || access(real, X_OK) != 0) {
    const absl::Status status = ErrnoStatus(flag);
    free(real);
    return UsageError("--cwd cannot be used: " + MessageOf(status), "Give a folder that exists.");
  }
  std::string result = real;
  free(real);
  return result;
}

// Not RandomHex of base/ids.h: that file would bring libcrypto, and its loading time, with it.
std::string RandomKey() {
  unsigned char bytes[16] = {};
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return "";  // no key: no retry
  std::string key = "odwctl-";
  for (const unsigned char byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    key += kDigits[byte >> 4];
    key += kDigits[byte & 15];
  }
  return key;
}

std::string BaseName(const std::string& path) {
  if (path == "-") return "stdin.js";
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

}  // namespace

void AddSubmissionFlags(CLI::App* command, SubmissionFlags* flags) {
  auto* file =
      command->add_option("file", flags->file, "The workflow script; - reads it from stdin");
  command->add_option("--script", flags->file, "The same, as a flag")->excludes(file);
  auto* args = command->add_option("--args", flags->args,
                                   "The script's `args`: JSON, or else taken as a plain string");
  command->add_option("--args-file", flags->args_file, "The same from a file; - reads stdin")
      ->excludes(args);
  command->add_option("--backend", flags->backend,
                      "The runtime for agent() calls that name none: mock, bamboo, command, ...; a "
                      "private daemon starts its executor");
  command->add_option("--executor-config", flags->executor_config,
                      "TOML file that declares commands ([commands.NAME]) and providers for the "
                      "private daemon's executors");
  command->add_option("--cwd", flags->cwd,
                      "The folder that command and agent nodes work in (default: this one)");
  command->add_option("--model", flags->model, "The model for agent() calls that name none");
  command->add_option(
      "--key", flags->key,
      "Idempotency key: the same key with the same script and args is the same run");
  command->add_option("--dialect", flags->dialect, "How the script is read: builtin or odw")
      ->check(CLI::IsMember({"builtin", "odw"}));
  command->add_option("--concurrency", flags->concurrency, "Nodes at work at once in this run")
      ->check(CLI::PositiveNumber);
  command->add_option("--agents-max", flags->agents_max, "Agent calls that the run may make")
      ->check(CLI::PositiveNumber);
  command
      ->add_option("--list-max", flags->list_length_max,
                   "Longest list that parallel() and pipeline() take")
      ->check(CLI::PositiveNumber);
  command->add_option("--budget", flags->budget_tokens, "Tokens that the run may spend")
      ->check(CLI::PositiveNumber);
}

std::string ArgsAsJson(const std::string& text) { return IsJson(text) ? text : JsonQuote(text); }

absl::StatusOr<v1::SubmitRequest> MakeSubmission(const SubmissionFlags& flags) {
  if (flags.file.empty()) {
    return UsageError("no script was given", "Name one: odwctl exec flow.js, or - for stdin.");
  }
  if (flags.file == "-" && flags.args_file == "-") {
    return UsageError("script and arguments cannot both come from stdin", "Put one into a file.");
  }
  v1::SubmitRequest request;
  ODW_ASSIGN_OR_RETURN(*request.mutable_script(), ReadInput(flags.file, kScriptBytesMax, "script"));
  request.set_script_name(BaseName(flags.file));
  if (flags.args) request.set_args_json(ArgsAsJson(*flags.args));
  if (!flags.args_file.empty()) {
    ODW_ASSIGN_OR_RETURN(const std::string args,
                         ReadInput(flags.args_file, kArgsBytesMax, "arguments"));
    request.set_args_json(ArgsAsJson(args));
  }
  // With a key of its own a submit can be repeated when the daemon goes away before it answers.
  request.set_idempotency_key(flags.key.empty() ? RandomKey() : flags.key);
  if (flags.dialect == "builtin") request.set_dialect(v1::BUILTIN);
  if (flags.dialect == "odw") request.set_dialect(v1::ODW);
  v1::RunOptions& options = *request.mutable_options();
  options.set_concurrency(flags.concurrency);
  options.set_agents_max(flags.agents_max);
  options.set_list_length_max(flags.list_length_max);
  options.set_default_runtime(flags.backend);
  options.set_default_model(flags.model);
  options.set_budget_tokens(flags.budget_tokens);
  ODW_ASSIGN_OR_RETURN(*options.mutable_cwd(), WorkFolder(flags.cwd));
  return request;
}

absl::StatusOr<v1::SubmitResponse> SubmitRun(Session& session, const SubmissionFlags& flags) {
  ODW_ASSIGN_OR_RETURN(const v1::SubmitRequest request, MakeSubmission(flags));
  session.set_wish({.backend = flags.backend, .executor_config = flags.executor_config});
  ODW_ASSIGN_OR_RETURN(v1::SubmitResponse response,
                       session.Call<v1::SubmitResponse>(
                           [&](ControlClient& client) { return client.Submit(request); }));
  for (const std::string& warning : response.warnings())
    session.console().Say("warning: " + warning);
  return response;
}

}  // namespace odw::client
