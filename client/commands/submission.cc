#include "client/commands/submission.h"

#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>

#include "client/arguments.h"
#include "client/failure.h"
#include "client/output/json.h"

namespace odw::client {
namespace {

// Beyond the daemon's own limits, so that those speak first; here only memory is protected.
constexpr size_t kScriptBytesMax = 4 << 20;
constexpr size_t kArgsBytesMax = 17 << 20;
constexpr size_t kNameCharsMax = 128;

// --backend as the original has it: `mock` answers every call, `pandacode` is the real runtimes.
constexpr char kMock[] = "mock";
constexpr char kRealRuntimes[] = "pandacode";

bool NamesOneRuntime(const std::string& backend) {
  return !backend.empty() && backend != kMock && backend != kRealRuntimes;
}

std::string Absolute(const std::string& path) {
  char* real = realpath(path.c_str(), nullptr);
  std::string result = real == nullptr ? path : real;
  free(real);
  return result;
}

// A private daemon answers with the mock where nobody chose: a first try needs no set-up, and
// nothing is spent that was not asked for.
void ChooseMock(const Console& console, v1::RunOptions* options, ExecutorWish* wish) {
  options->set_default_runtime(kMock);
  wish->runtimes.push_back(kMock);
  console.Say(
      "odwctl: no runtime was named, so calls that name none get mock answers "
      "(--runtime claude, codex or bamboo for real ones, or ODW_RUNTIME)");
}

}  // namespace

v1::Dialect DialectOf(const RunFlags& flags) {
  if (flags.dialect == "builtin") return v1::BUILTIN;
  if (flags.dialect == "odw") return v1::ODW;
  return v1::DIALECT_UNSPECIFIED;
}

ExecutorWish WishOf(const RunFlags& flags) {
  ExecutorWish wish{.executor_config = flags.executor_config};
  if (!flags.runtime.empty()) wish.runtimes.push_back(flags.runtime);
  if (flags.backend == kRealRuntimes) {
    wish.runtimes.insert(wish.runtimes.end(), {"claude", "codex", "bamboo"});
  } else if (!flags.backend.empty()) {
    wish.runtimes.push_back(flags.backend);
  }
  return wish;
}

absl::StatusOr<v1::RunOptions> MakeOptions(const RunFlags& flags) {
  v1::RunOptions options;
  options.set_concurrency(flags.concurrency);
  options.set_agents_max(flags.agents_max);
  options.set_list_length_max(flags.list_length_max);
  options.set_schema_tries_max(flags.schema_tries_max);
  options.set_default_model(flags.model);
  options.set_budget_tokens(flags.budget_tokens);
  options.set_permission(flags.permission);
  options.set_network(flags.network);
  options.set_strict_agent_types(flags.strict_agent_types);
  options.set_include_dirty(flags.include_dirty);
  for (const std::string& model : flags.fallback) options.add_fallback(model);
  options.set_default_runtime(flags.runtime);
  if (flags.backend == kMock) options.set_forced_runtime(kMock);
  if (flags.runtime.empty() && NamesOneRuntime(flags.backend)) {
    options.set_default_runtime(flags.backend);
  }
  if (flags.runtime.empty() && flags.backend == kRealRuntimes) {
    options.set_default_runtime("claude");
  }
  if (!flags.tokens_max.empty()) {
    ODW_ASSIGN_OR_RETURN(const uint64_t tokens, ParseTokens("--max-tokens", flags.tokens_max));
    options.set_tokens_max(tokens);
  }
  if (!flags.cost_max.empty()) {
    ODW_ASSIGN_OR_RETURN(const Money money, ParseMoney("--max-cost", flags.cost_max));
    options.set_cost_micros_max(money.micros);
    options.set_cost_currency(money.currency);
  }
  if (!flags.cwd.empty()) {
    ODW_ASSIGN_OR_RETURN(*options.mutable_cwd(), ExistingFolder("--cwd", flags.cwd));
  }
  return options;
}

bool LooksLikeName(const std::string& text) {
  if (text.empty() || text.size() > kNameCharsMax || text == "-") return false;
  if (text.size() > 3 && text.compare(text.size() - 3, 3, ".js") == 0) return false;
  for (const char c : text) {
    if (isalnum(static_cast<unsigned char>(c)) == 0 &&
        std::string("-_.: ").find(c) == std::string::npos) {
      return false;
    }
  }
  return text[0] != '.';
}

absl::StatusOr<Script> ReadScript(const std::string& file) {
  Script script;
  ODW_ASSIGN_OR_RETURN(script.source, ReadInput(file, kScriptBytesMax, "script"));
  script.name = file == "-" ? "stdin.js" : BaseName(file);
  if (file != "-") script.path = Absolute(file);
  return script;
}

absl::StatusOr<std::optional<std::string>> ReadArgs(const SubmissionFlags& flags) {
  if (flags.args) return ArgsAsJson(*flags.args);
  if (flags.args_file.empty()) return std::nullopt;
  ODW_ASSIGN_OR_RETURN(const std::string args,
                       ReadInput(flags.args_file, kArgsBytesMax, "arguments"));
  return ArgsAsJson(args);
}

absl::StatusOr<v1::SubmitRequest> MakeSubmission(const SubmissionFlags& flags) {
  if (flags.file.empty()) {
    return UsageError("no script was given",
                      "Name a file or a saved workflow: odwctl exec flow.js, or - for stdin.");
  }
  if (flags.file == "-" && flags.args_file == "-") {
    return UsageError("script and arguments cannot both come from stdin", "Put one into a file.");
  }
  v1::SubmitRequest request;
  if (access(flags.file.c_str(), F_OK) != 0 && LooksLikeName(flags.file)) {
    request.set_workflow(flags.file);
  } else {
    ODW_ASSIGN_OR_RETURN(Script script, ReadScript(flags.file));
    request.set_script(std::move(script.source));
    request.set_script_name(script.name);
    request.set_script_path(script.path);
  }
  ODW_ASSIGN_OR_RETURN(const std::optional<std::string> args, ReadArgs(flags));
  if (args) request.set_args_json(*args);
  request.set_idempotency_key(flags.key.empty() ? RandomKey() : flags.key);
  request.set_dialect(DialectOf(flags.run));
  ODW_ASSIGN_OR_RETURN(*request.mutable_options(), MakeOptions(flags.run));
  if (flags.run.cwd.empty()) {
    ODW_ASSIGN_OR_RETURN(*request.mutable_options()->mutable_cwd(), CurrentFolder());
  }
  return request;
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

void WarnOfTornJson(const Console& console, const SubmissionFlags& flags) {
  const std::string args = flags.args.value_or("");
  const size_t first = args.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || (args[first] != '{' && args[first] != '[')) return;
  if (IsJson(args)) return;
  console.Say("odwctl: --args begins like JSON and is none: the script gets it as a string");
}

void SayWarnings(Session& session, const v1::SubmitResponse& response) {
  for (const std::string& warning : response.warnings())
    session.console().Say("warning: " + warning);
}

namespace {

// A private daemon starts the executors itself, so that a slip is known before it tries.
absl::Status CheckRuntimes(const ExecutorWish& wish) {
  const std::vector<std::string> known = {"claude", "codex", "bamboo", "command", kMock};
  for (const std::string& runtime : wish.runtimes) {
    if (std::find(known.begin(), known.end(), runtime) != known.end()) continue;
    const std::string nearest = NearestWord(runtime, known);
    return UsageError("there is no runtime '" + runtime + "'",
                      (nearest.empty() ? "" : "Did you mean " + nearest + "? ") +
                          std::string("There are: claude, codex, bamboo, command, mock."));
  }
  return absl::OkStatus();
}

absl::Status SubmitFailure(const absl::Status& status, const v1::SubmitRequest& request) {
  if (!absl::IsNotFound(status) || request.workflow().empty()) return status;
  return FailureStatus({ExitCode::kNotFound, "not_found", MessageOf(status),
                        "Give a script's path, or the name of a saved workflow: odwctl workflows "
                        "list"});
}

}  // namespace

absl::StatusOr<v1::SubmitResponse> SubmitRun(Session& session, SubmissionFlags flags) {
  // Not for a resume, whose runtime is the resumed run's.
  const char* usual = getenv("ODW_RUNTIME");
  if (usual != nullptr && flags.run.runtime.empty() && flags.run.backend.empty()) {
    flags.run.runtime = usual;
  }
  ODW_ASSIGN_OR_RETURN(v1::SubmitRequest request, MakeSubmission(flags));
  ExecutorWish wish = WishOf(flags.run);
  if (wish.runtimes.empty() && session.uses_private_daemon()) {
    ChooseMock(session.console(), request.mutable_options(), &wish);
  }
  if (session.uses_private_daemon()) ODW_RETURN_IF_ERROR(CheckRuntimes(wish));
  WarnOfTornJson(session.console(), flags);
  session.set_wish(std::move(wish));
  const absl::StatusOr<v1::SubmitResponse> response = session.Call<v1::SubmitResponse>(
      [&](ControlClient& client) { return client.Submit(request); });
  ODW_RETURN_IF_ERROR(SubmitFailure(response.status(), request));
  SayWarnings(session, *response);
  return response;
}

}  // namespace odw::client
