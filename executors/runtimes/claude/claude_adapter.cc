#include "executors/runtimes/claude/claude_adapter.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "absl/strings/str_format.h"
#include "executors/cli/transcript.h"
#include "executors/credential.h"
#include "executors/permission.h"
#include "executors/relay/relay.h"
#include "executors/runtimes/claude/claude_stream.h"
#include "executors/sandbox.h"
#include "executors/schema/schema_loop.h"
#include "executors/usage.h"

namespace odw::executors {
namespace {

constexpr size_t kArgBytesMax = 100 << 10;  // the kernel's limit for one argument is 128 KiB

// The wording of a task; a change in its meaning is a new contract version in the daemon's reuse
// key.
constexpr char kContract[] =
    "You are one step of a program. Your final text is its return value: end with the result "
    "itself, not with "
    "a message about it. Nobody can answer questions.";

// What is offered to a node that lists no tools. The CLI's further ones (schedules, teams,
// workflows of its own) have no place in one step of a program, and their descriptions cost 7,000
// tokens a call.
constexpr const char* kTools[] = {"Bash",     "Edit",         "Glob", "Grep",
                                  "LS",       "NotebookEdit", "Read", "TodoWrite",
                                  "WebFetch", "WebSearch",    "Write"};

// What claude needs to reach its provider; all else that it may see is said in the config.
constexpr const char* kPassed[] = {"ANTHROPIC_BASE_URL", "HTTP_PROXY",    "HTTPS_PROXY",
                                   "NO_PROXY",           "http_proxy",    "https_proxy",
                                   "no_proxy",           "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"};

// Of several the first one counts, as with claude itself.
constexpr const char* kKeys[] = {"ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY"};
constexpr char kLoginToken[] = "CLAUDE_CODE_OAUTH_TOKEN";

// The key waits in a pipe, which is empty once it is read: before the model's first word. So it is
// neither in the environment of claude's shell nor to be had from claude's own by a look into
// /proc.
constexpr char kKeySettings[] = R"({"apiKeyHelper":"cat /proc/$PPID/fd/3"})";
constexpr char kReadOnce[] = "CLAUDE_CODE_API_KEY_HELPER_TTL_MS=2000000000";

constexpr char kBaseUrl[] = "ANTHROPIC_BASE_URL";
constexpr char kOtherCloud[] = "CLAUDE_CODE_USE_";  // BEDROCK and the like

std::string Joined(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ",") + item;
  return out;
}

// Its validator knows draft-07 only and refuses a schema that names another. Ours checks the answer
// anyway.
std::string NativeSchema(const std::string& schema_json) {
  nlohmann::json schema = nlohmann::json::parse(ToObjectSchema(schema_json).json, nullptr, false);
  if (!schema.is_object()) return schema_json;
  schema.erase("$schema");
  return schema.dump();
}

void AddPermissions(const odw::v1::AgentRequest& request, std::vector<std::string>* args) {
  const Permission permission = PermissionOf(request);
  const std::vector<std::string> tools(request.tools().begin(), request.tools().end());
  const auto listed = [&](const std::string& tool) {
    return tools.empty() || std::find(tools.begin(), tools.end(), tool) != tools.end();
  };
  std::vector<std::string> allowed, denied;
  if (permission == Permission::kReadOnly) {
    args->insert(args->end(), {"--permission-mode", "dontAsk"});
    denied.insert(denied.end(), {"Write", "Edit", "NotebookEdit"});
  } else {
    args->insert(args->end(), {"--permission-mode", "acceptEdits"});
    for (const char* tool : {"Bash", "Edit", "Write", "NotebookEdit"}) {
      if (listed(tool)) allowed.push_back(tool);
    }
  }
  if (permission == Permission::kFull) args->insert(args->end(), {"--add-dir", "/"});
  for (const char* tool : {"WebFetch", "WebSearch"}) {
    if (request.network() == "no")
      denied.push_back(tool);
    else if (listed(tool))
      allowed.push_back(tool);
  }
  for (const std::string& tool : tools) {
    const bool refused = std::find(denied.begin(), denied.end(), tool) != denied.end();
    const bool known = std::find(allowed.begin(), allowed.end(), tool) != allowed.end();
    if (!refused && !known && permission != Permission::kReadOnly) allowed.push_back(tool);
  }
  const std::vector<std::string> usual(std::begin(kTools), std::end(kTools));
  const bool none = tools == std::vector<std::string>{kNoTool};
  args->insert(args->end(), {"--tools", Joined(tools.empty() ? usual
                                               : none        ? std::vector<std::string>()
                                                             : tools)});
  if (!allowed.empty()) args->insert(args->end(), {"--allowedTools", Joined(allowed)});
  if (!denied.empty()) args->insert(args->end(), {"--disallowedTools", Joined(denied)});
}

}  // namespace

absl::StatusOr<std::unique_ptr<CliAdapter>> ClaudeAdapter::Make(const CliConfig& config,
                                                                const std::string& folder) {
  ODW_ASSIGN_OR_RETURN(const std::string program, FindCli("claude", config.program));
  ODW_ASSIGN_OR_RETURN(const std::string version, ProbeVersion("claude", program, kClaudeOldest));
  const std::string home = config.home.empty() ? folder + "/home" : config.home;
  ODW_RETURN_IF_ERROR(MakeFolders(home));
  ODW_RETURN_IF_ERROR(MakeFolders(folder + "/work"));
  return std::unique_ptr<CliAdapter>(new ClaudeAdapter(config, home, program, version));
}

// No list of models: claude takes any name, so any is served.
void ClaudeAdapter::Describe(odw::v1::Register* out) const {
  out->set_runtime("claude");
  const std::string variable = KeyVariable();
  AddCredential("anthropic", CliVariable(config_, variable.empty() ? kLoginToken : variable), out);
}

std::string ClaudeAdapter::KeyVariable() const {
  for (const char* name : kKeys) {
    if (!CliVariable(config_, name).empty()) return name;
  }
  return "";
}

// Why its API cannot be relayed to it; empty: it can.
std::string ClaudeAdapter::WhyNoRelay() const {
  if (SandboxProgram().empty())
    return "no bubblewrap here, so claude's shell commands can reach it";
  for (const char* proxy : {"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"}) {
    if (!CliVariable(config_, proxy).empty())
      return "claude's API is behind a proxy, which its shell commands can reach too";
  }
  for (const std::string& name : config_.pass_env) {
    if (name.rfind(kOtherCloud, 0) == 0 && !CliVariable(config_, name).empty())
      return "claude's API is another cloud's, so its shell commands can reach the network too";
  }
  for (const std::string& entry : config_.env) {
    if (entry.rfind(kOtherCloud, 0) == 0)
      return "claude's API is another cloud's, so its shell commands can reach the network too";
  }
  const std::string url = CliVariable(config_, kBaseUrl);
  if (!url.empty() && !ParseApiAddress(url).ok()) return "ANTHROPIC_BASE_URL is no http(s) URL";
  return "";
}

std::string ClaudeAdapter::NewSession() const {
  std::random_device random;
  const uint32_t a = random(), b = random(), c = random(), d = random();
  return absl::StrFormat("%08x-%04x-4%03x-%04x-%04x%08x", a, b >> 16, b & 0xfff,
                         (c >> 16 & 0x3fff) | 0x8000, c & 0xffff, d);
}

// projects/FOLDER/ID.jsonl
std::string ClaudeAdapter::Transcript(const std::string& home,
                                      const std::string& session_id) const {
  return FindTranscript((home.empty() ? home_ : home) + "/.claude/projects", /*depth=*/1,
                        "/" + session_id + ".jsonl");
}

bool ClaudeAdapter::SchemaIsNative(const odw::v1::AgentRequest& request) const {
  return request.schema_json().size() < kArgBytesMax;
}

std::vector<std::string> ClaudeAdapter::NotEnforced(const odw::v1::AgentRequest& request) const {
  std::vector<std::string> out;
  const Permission permission = PermissionOf(request);
  if (permission != Permission::kFull && SandboxProgram().empty()) {
    out.push_back(
        std::string(NameOf(permission)) +
        ": no bubblewrap here, so claude's shell commands are not confined to the folder");
  }
  if (request.network() == "no") {
    if (const std::string why = WhyNoRelay(); !why.empty()) out.push_back("network: " + why);
  }
  return out;
}

std::unique_ptr<CliReader> ClaudeAdapter::Reader(const CliTurn& turn) const {
  return std::make_unique<ClaudeReader>(config_.fail_on_denial ? ClaudeReader::Denials::kFailTheTask
                                                               : ClaudeReader::Denials::kTolerated,
                                        !turn.request.schema_json().empty() && !turn.contract);
}

void ClaudeAdapter::AddKey(CliCommand* command) const {
  const std::string variable = KeyVariable();
  if (variable.empty()) return command->pass_env.push_back(kLoginToken);
  const bool in_config =
      std::any_of(config_.env.begin(), config_.env.end(),
                  [&](const std::string& entry) { return entry.rfind(variable + "=", 0) == 0; });
  if (in_config) return;  // written down for all to see
  for (const char* name : kKeys) std::erase(command->pass_env, name);
  command->secret_env = variable;
  command->env.push_back(kReadOnce);
  command->args.insert(command->args.end(), {"--settings", kKeySettings});
}

absl::StatusOr<CliCommand> ClaudeAdapter::Command(const CliTurn& turn) const {
  const odw::v1::AgentRequest& request = turn.request;
  CliCommand command;
  command.args = {"-p",
                  "--output-format",
                  "stream-json",
                  "--verbose",
                  "--setting-sources",
                  "",
                  "--strict-mcp-config",
                  turn.resumes ? "--resume" : "--session-id",
                  turn.session_id};
  const std::string model = ModelOf(request, config_.model);
  if (!model.empty()) command.args.insert(command.args.end(), {"--model", model});
  if (!request.effort().empty())
    command.args.insert(command.args.end(), {"--effort", request.effort()});
  AddPermissions(request, &command.args);
  std::string system = kContract;
  if (!request.system_prompt().empty()) system = request.system_prompt() + "\n\n" + system;
  command.input = turn.prompt;
  if (system.size() < kArgBytesMax) {
    command.args.insert(command.args.end(), {"--append-system-prompt", system});
  } else {
    command.input = system + "\n\n" + command.input;
  }
  if (!request.schema_json().empty() && !turn.contract) {
    command.args.insert(command.args.end(), {"--json-schema", NativeSchema(request.schema_json())});
  }
  for (const std::string& arg : command.args) {
    if (arg.size() > kArgBytesMax || arg.find('\0') != std::string::npos) {
      return absl::InvalidArgumentError(
          "the request holds a NUL byte or an option too long for a command line");
    }
  }
  const std::string& home = turn.home.empty() ? home_ : turn.home;
  const bool relayed = request.network() == "no" && WhyNoRelay().empty();
  command.before =
      SandboxWords({.permission = PermissionOf(request),
                    .cwd = request.cwd(),
                    .writable = {"/tmp", home, turn.folder},
                    .network = relayed ? SandboxWish::Network::kNo : SandboxWish::Network::kYes});
  if (relayed) {
    command.before =
        RelayWords({.variable = kBaseUrl, .otherwise = kClaudeBaseUrlDefault}, command.before);
  }
  command.env = {
      "HOME=" + home,
      "CLAUDE_CONFIG_DIR=" + home + "/.claude",
      "CLAUDE_CODE_TMPDIR=" + turn.folder,
      "TMPDIR=" + turn.folder,
      "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1",
      "DISABLE_AUTOUPDATER=1",
      "CLAUDE_CODE_DISABLE_NONSTREAMING_FALLBACK=1",
      "CLAUDE_CODE_MAX_RETRIES=" + std::to_string(config_.inner_retries),
      "MAX_STRUCTURED_OUTPUT_RETRIES=" + std::to_string(std::max(1u, request.schema_tries_max()))};
  if (request.output_tokens_max() > 0) {
    command.env.push_back("CLAUDE_CODE_MAX_OUTPUT_TOKENS=" +
                          std::to_string(request.output_tokens_max()));
  }
  command.env.insert(command.env.end(), config_.env.begin(), config_.env.end());
  command.pass_env.assign(std::begin(kPassed), std::end(kPassed));
  command.pass_env.insert(command.pass_env.end(), config_.pass_env.begin(), config_.pass_env.end());
  AddKey(&command);
  return command;
}

}  // namespace odw::executors
