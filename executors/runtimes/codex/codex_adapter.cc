#include "executors/runtimes/codex/codex_adapter.h"

#include <stdlib.h>

#include <algorithm>
#include <filesystem>

#include "daemon/base/canonical_json.h"
#include "executors/cli/transcript.h"
#include "executors/credential.h"
#include "executors/permission.h"
#include "executors/runtimes/codex/codex_stream.h"
#include "executors/runtimes/codex/codex_tools.h"
#include "executors/schema/schema_loop.h"
#include "executors/usage.h"

namespace odw::executors {
namespace {

constexpr size_t kArgBytesMax = 100 << 10;  // the kernel's limit for one argument is 128 KiB
constexpr size_t kUsageBytesMax = 4096;

// The wording of a task; a change in its meaning is a new contract version in the daemon's reuse
// key.
constexpr char kContract[] =
    "You are one step of a program. Your final message is its return value: end with the result "
    "itself, not with "
    "a message about it. Nobody can answer questions.";

constexpr const char* kPassed[] = {"HTTP_PROXY",  "HTTPS_PROXY", "NO_PROXY",     "http_proxy",
                                   "https_proxy", "no_proxy",    "SSL_CERT_FILE"};

// Telemetry, plugins and update checks would reach out to hosts that nobody asked for, and take
// seconds. A provider of our own, since the built-in one ignores OPENAI_BASE_URL. Keys are kept
// from the model's shell.
std::string ConfigToml(const CliConfig& config, const std::string& model,
                       const std::string& base_url) {
  return "model = " + JsonQuote(model) +
         "\n"
         "model_provider = \"odw\"\n"
         "check_for_update_on_startup = false\n"
         "web_search = \"disabled\"\n"
         "[analytics]\n"
         "enabled = false\n"
         "[otel]\n"
         "metrics_exporter = \"none\"\n"
         "[features]\n"
         "plugins = false\n"
         "apps = false\n"
         "[model_providers.odw]\n"
         "name = \"odw\"\n"
         "base_url = " +
         JsonQuote(base_url) +
         "\n"
         "wire_api = \"responses\"\n"
         "env_key = " +
         JsonQuote(config.key_env) +
         "\n"
         "request_max_retries = " +
         std::to_string(config.inner_retries) +
         "\n"
         "stream_max_retries = " +
         std::to_string(config.inner_retries) +
         "\n"
         "[shell_environment_policy]\n"
         "exclude = [\"*KEY*\", \"*TOKEN*\", \"*SECRET*\", \"*PASSWORD*\", " +
         JsonQuote(config.key_env) + "]\n";
}

// Where npm puts the native binary of the wrapper at `program`; `program` itself where it is one
// already.
std::string NativeBinary(const std::string& program) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path real = fs::canonical(program, error);
  if (error || real.extension() != ".js") return program;
  const fs::path package = real.parent_path().parent_path();  // .../@openai/codex
  for (const fs::path& scope : {package.parent_path(), package / "node_modules" / "@openai"}) {
    for (fs::directory_iterator it(scope, error), end; !error && it != end; it.increment(error)) {
      if (it->path().filename().string().rfind("codex-linux", 0) != 0) continue;
      for (fs::directory_iterator triple(it->path() / "vendor", error), last;
           !error && triple != last; triple.increment(error)) {
        const fs::path binary = triple->path() / "bin" / "codex";
        if (fs::exists(binary, error)) return binary.string();
      }
    }
  }
  return program;
}

const char* SandboxOf(Permission permission) {
  return permission == Permission::kFull ? "danger-full-access" : NameOf(permission);
}

// A thread's id names a file.
bool IsPlain(const std::string& id) {
  return !id.empty() && id.size() < 100 &&
         std::all_of(id.begin(), id.end(), [](unsigned char c) { return isalnum(c) || c == '-'; });
}

}  // namespace

absl::StatusOr<std::unique_ptr<CliAdapter>> CodexAdapter::Make(const CliConfig& config,
                                                               const std::string& folder) {
  ODW_ASSIGN_OR_RETURN(const std::string found, FindCli("codex", config.program));
  const std::string program = NativeBinary(found);
  ODW_ASSIGN_OR_RETURN(const std::string version, ProbeVersion("codex", program, kCodexOldest));
  const std::string home = config.home.empty() ? folder + "/home" : config.home;
  const std::string threads = folder + "/threads";
  for (const std::string& made : {home, threads, folder + "/work"}) {
    ODW_RETURN_IF_ERROR(MakeFolders(made));
  }
  std::unique_ptr<CodexAdapter> adapter(new CodexAdapter(config, home, threads, program, version));
  ODW_RETURN_IF_ERROR(adapter->WriteConfig(home));
  return std::unique_ptr<CliAdapter>(std::move(adapter));
}

absl::Status CodexAdapter::WriteConfig(const std::string& home) const {
  ODW_RETURN_IF_ERROR(MakeFolders(home + "/.codex"));
  if (!config_.home.empty()) return absl::OkStatus();  // it has the user's
  const char* const base_url = getenv(config_.base_url_env.c_str());
  return WriteFileAtomically(
      home + "/.codex/config.toml",
      ConfigToml(config_, model_,
                 base_url != nullptr && *base_url != '\0' ? base_url : kCodexBaseUrlDefault));
}

// No list of models: codex passes any name on, so any is served.
void CodexAdapter::Describe(odw::v1::Register* out) const {
  out->set_runtime("codex");
  AddCredential("openai", CliVariable(config_, config_.key_env), out);
}

odw::v1::Usage CodexAdapter::SessionUsage(const std::string& session_id) const {
  odw::v1::Usage usage;
  if (!IsPlain(session_id)) return usage;
  const auto bytes = ReadFile(threads_ + "/" + session_id, kUsageBytesMax);
  if (bytes.ok()) (void)usage.ParseFromString(*bytes);
  return usage;
}

void CodexAdapter::RememberSession(const std::string& session_id,
                                   const odw::v1::Usage& usage) const {
  if (IsPlain(session_id))
    (void)WriteFileAtomically(threads_ + "/" + session_id, usage.SerializeAsString());
}

// sessions/YEAR/MONTH/DAY/rollout-TIME-ID.jsonl
std::string CodexAdapter::Transcript(const std::string& home, const std::string& session_id) const {
  if (!IsPlain(session_id)) return "";
  return FindTranscript((home.empty() ? home_ : home) + "/.codex/sessions", /*depth=*/3,
                        "-" + session_id + ".jsonl");
}

// Native where the provider's strict mode takes the schema; it would refuse others with a 400.
bool CodexAdapter::SchemaIsNative(const odw::v1::AgentRequest& request) const {
  return IsStrictSchema(ToObjectSchema(request.schema_json()).json);
}

std::vector<std::string> CodexAdapter::NotEnforced(const odw::v1::AgentRequest& request) const {
  std::vector<std::string> out = CodexToolsOf(request).not_enforced;
  if (PermissionOf(request) == Permission::kFull && request.network() == "no") {
    out.push_back("network: with permission full, codex's commands can reach it");
  }
  return out;
}

std::unique_ptr<CliReader> CodexAdapter::Reader(const CliTurn& turn) const {
  return std::make_unique<CodexReader>(ModelOf(turn.request, model_), turn.session_usage);
}

absl::StatusOr<CliCommand> CodexAdapter::Command(const CliTurn& turn) const {
  const odw::v1::AgentRequest& request = turn.request;
  CliCommand command;
  std::vector<std::string>& args = command.args;
  const auto set = [&](const std::string& key, const std::string& value) {
    args.insert(args.end(), {"-c", key + "=" + value});
  };
  args = {"exec"};
  if (turn.resumes) args.insert(args.end(), {"resume", turn.session_id});
  args.insert(args.end(), {"-", "--json", "--skip-git-repo-check", "-m", ModelOf(request, model_)});
  const CodexTools tools = CodexToolsOf(request);
  set("sandbox_mode",
      JsonQuote(SandboxOf(tools.read_only ? Permission::kReadOnly : PermissionOf(request))));
  for (const auto& [key, value] : tools.settings) set(key, value);
  if (request.network() == "yes") set("sandbox_workspace_write.network_access", "true");
  if (!request.effort().empty()) set("model_reasoning_effort", JsonQuote(request.effort()));
  std::string system = kContract;
  if (!request.system_prompt().empty()) system = request.system_prompt() + "\n\n" + system;
  command.input = turn.prompt;
  if (system.size() < kArgBytesMax) {
    set("developer_instructions", JsonQuote(system));
  } else {
    command.input = system + "\n\n" + command.input;
  }
  if (!request.schema_json().empty() && !turn.contract) {
    const std::string path = turn.folder + "/schema.json";
    ODW_RETURN_IF_ERROR(WriteFileAtomically(path, ToObjectSchema(request.schema_json()).json));
    args.insert(args.end(), {"--output-schema", path});
  }
  for (const std::string& arg : args) {
    if (arg.size() > kArgBytesMax + 1024 || arg.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError(
          "the request holds a NUL byte or an option too long for a command line");
    }
  }
  if (!turn.home.empty()) ODW_RETURN_IF_ERROR(WriteConfig(turn.home));
  const std::string& home = turn.home.empty() ? home_ : turn.home;
  command.env = {"HOME=" + home, "CODEX_HOME=" + home + "/.codex", "TMPDIR=" + turn.folder};
  command.env.insert(command.env.end(), config_.env.begin(), config_.env.end());
  command.pass_env.assign(std::begin(kPassed), std::end(kPassed));
  command.pass_env.push_back(config_.key_env);
  command.pass_env.insert(command.pass_env.end(), config_.pass_env.begin(), config_.pass_env.end());
  return command;
}

}  // namespace odw::executors
