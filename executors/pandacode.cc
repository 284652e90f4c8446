#include "executors/pandacode.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "daemon/base/canonical_json.h"
#include "daemon/base/log.h"
#include "daemon/base/version.h"
#include "executors/config.h"
#include "executors/make_runtime.h"
#include "executors/one_task.h"
#include "executors/permission.h"

namespace odw::executors {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int kExitInterrupted = 130;
constexpr size_t kPromptBytesMax = 16 << 20;
constexpr uint32_t kSchemaTriesDefault = 5;

struct Wanted {
  std::string runtime, prompt, prompt_file, schema, config, session;
  bool json = false;
  odw::v1::AgentRequest request;
  uint32_t schema_tries = kSchemaTriesDefault;
};

// -1 to go on, else the exit status.
int Parse(int argc, char** argv, Wanted* wanted) {
  CLI::App app("pandacode: runs one task on one runtime, without a daemon.");
  app.set_version_flag("--version", std::string("pandacode ") + kVersion);
  app.require_subcommand(1);
  std::string cwd, model, effort, permission;
  uint32_t timeout_ms = 0;
  for (const std::string& name : RuntimeNames()) {
    if (name == "command") continue;  // its commands are declared for workflows
    CLI::App* const runtime = app.add_subcommand(name, "the " + name + " runtime");
    runtime->require_subcommand(1);
    CLI::App* const exec = runtime->add_subcommand("exec", "runs one prompt and prints its result");
    exec->add_option("prompt,--prompt", wanted->prompt, "what to do; '-' or nothing: from stdin");
    exec->add_option("--prompt-file", wanted->prompt_file, "the prompt's file");
    exec->add_option("--schema", wanted->schema,
                     "a JSON Schema that the result must fit: a file, or the JSON");
    exec->add_option("--schema-tries", wanted->schema_tries,
                     "answers that may be tried against it (default 5)")
        ->check(CLI::Range(1, 20));
    exec->add_option("--model", model, "the model (default: the config's)");
    exec->add_option("--effort", effort, "low, medium, high, ...");
    exec->add_option("--cwd", cwd, "the folder to work in (default: this one)");
    exec->add_option("--permission", permission, "read-only, workspace-write (default) or full");
    exec->add_option("--timeout-ms", timeout_ms, "ends the task after this time");
    exec->add_option("--session", wanted->session, "goes on with this session of the runtime");
    exec->add_option("--config", wanted->config, "an executor's settings in TOML");
    exec->add_flag("--json", wanted->json, "prints one JSON object: result, error, usage, session");
    exec->callback([wanted, name] { wanted->runtime = name; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  char here[PATH_MAX] = "";
  if (cwd.empty()) cwd = getcwd(here, sizeof here) != nullptr ? here : "/";
  char whole[PATH_MAX] = "";
  wanted->request.set_cwd(realpath(cwd.c_str(), whole) != nullptr ? whole : cwd);
  wanted->request.set_model(model);
  wanted->request.set_effort(effort);
  wanted->request.set_permission(permission);
  wanted->request.set_timeout_ms(timeout_ms);
  wanted->request.set_runtime(wanted->runtime);
  return -1;
}

absl::Status ReadInputs(Wanted* wanted) {
  if (!wanted->prompt_file.empty()) {
    ODW_ASSIGN_OR_RETURN(wanted->prompt, ReadFile(wanted->prompt_file, kPromptBytesMax));
  } else if (wanted->prompt.empty() || wanted->prompt == "-") {
    ODW_ASSIGN_OR_RETURN(wanted->prompt, ReadFile("/dev/stdin", kPromptBytesMax));
  }
  if (wanted->prompt.empty())
    return absl::InvalidArgumentError("the prompt is empty: give --prompt or --prompt-file");
  wanted->request.set_prompt(wanted->prompt);
  ODW_RETURN_IF_ERROR(Restrict({}, &wanted->request));
  if (wanted->schema.empty()) return absl::OkStatus();
  std::string text = wanted->schema;
  if (text[0] != '{' && text != "true" && text != "false") {
    ODW_ASSIGN_OR_RETURN(text, ReadFile(text, kPromptBytesMax));
  }
  absl::StatusOr<std::string> schema = CanonicalJson(text);
  if (!schema.ok()) return Annotate(schema.status(), "--schema");
  wanted->request.set_schema_json(*schema);
  wanted->request.set_schema_tries_max(wanted->schema_tries);
  return absl::OkStatus();
}

Json ToJson(const odw::v1::Result& result) {
  Json out;
  out["ok"] = result.ok();
  if (result.ok()) {
    out["result"] = result.value_is_json() ? Json::parse(result.value()) : Json(result.value());
  } else {
    out["error"] = {{"category", odw::v1::ErrorCategory_Name(result.error().category())},
                    {"message", result.error().message()}};
    if (!result.raw_text().empty()) out["raw_text"] = result.raw_text();
  }
  out["model"] = result.model();
  out["session"] = result.session_id();
  out["repair_turns"] = result.repair_turns();
  const odw::v1::Usage& usage = result.usage();
  out["usage"] = {{"input_tokens", usage.input_tokens()},
                  {"cached_input_tokens", usage.cached_input_tokens()},
                  {"output_tokens", usage.output_tokens()},
                  {"model_calls", usage.model_calls()},
                  {"tool_calls", usage.tool_calls()},
                  {"cost_micros", usage.cost_micros()},
                  {"currency", usage.currency()}};
  out["duration_ms"] = result.ended_unix_ms() - result.started_unix_ms();
  return out;
}

void Print(const odw::v1::Result& result, bool json) {
  std::string text = json ? ToJson(result).dump(-1, ' ', false, Json::error_handler_t::replace)
                     : result.ok() ? result.value()
                                   : "";
  if (!json && !result.ok()) {
    fprintf(stderr, "pandacode: %s: %s\n",
            odw::v1::ErrorCategory_Name(result.error().category()).c_str(),
            result.error().message().c_str());
    return;
  }
  if (text.empty() || text.back() != '\n') text += '\n';
  fwrite(text.data(), 1, text.size(), stdout);
  fflush(stdout);
}

absl::StatusOr<int> Run(Wanted wanted) {
  Config config;
  if (!wanted.config.empty()) {
    ODW_ASSIGN_OR_RETURN(config, LoadConfig(wanted.config));
  }
  ODW_RETURN_IF_ERROR(Restrict(config.limits, &wanted.request));
  ODW_ASSIGN_OR_RETURN(const OneTaskEnd end, RunOneTask({.runtime = wanted.runtime,
                                                         .config = std::move(config),
                                                         .request = std::move(wanted.request),
                                                         .session = wanted.session}));
  Print(end.result, wanted.json);
  if (end.interrupted && !end.result.ok()) return kExitInterrupted;
  return end.result.ok() ? 0 : kExitFailed;
}

}  // namespace

bool IsPandacode(const char* argv0) {
  const std::string_view name(argv0);
  const size_t slash = name.rfind('/');
  return (slash == std::string_view::npos ? name : name.substr(slash + 1)) == "pandacode";
}

int PandacodeMain(int argc, char** argv) {
  Wanted wanted;
  if (const int status = Parse(argc, argv, &wanted); status >= 0) return status;
  InitLog("pandacode", LogLevel::kWarning);
  absl::Status status = ReadInputs(&wanted);
  const bool bad_usage = !status.ok();
  if (status.ok()) {
    const absl::StatusOr<int> exit_status = Run(std::move(wanted));
    if (exit_status.ok()) return *exit_status;
    status = exit_status.status();
  }
  fprintf(stderr, "pandacode: %s\n", MessageOf(status).c_str());
  return bad_usage ? kExitUsage : kExitFailed;
}

}  // namespace odw::executors
