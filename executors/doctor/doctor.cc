#include "executors/doctor/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/base/version.h"
#include "executors/cli/program.h"
#include "executors/doctor/reach.h"
#include "executors/flags.h"
#include "executors/one_task.h"
#include "executors/runtimes/bamboo/endpoint.h"
#include "executors/runtimes/claude/claude_adapter.h"
#include "executors/runtimes/codex/codex_adapter.h"

namespace odw::executors {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kProbePrompt[] = "Say ok";
// An answer takes two or three; a model that thinks first is cut off here, and has answered.
constexpr uint64_t kProbeTokensMax = 64;
constexpr uint32_t kProbeMs = 30'000;

void Break(Json* check, const std::string& problem, const std::string& next_step) {
  (*check)["ok"] = false;
  (*check)["problem"] = problem;
  (*check)["next_step"] = next_step;
}

void NotSetUp(Json* check, const std::string& problem, const std::string& next_step) {
  Break(check, problem, next_step);
  (*check)["ok"] = true;
  (*check)["set_up"] = false;
}

// What a CLI is, beside its config.
struct CliFacts {
  std::string runtime;
  CliConfig config;
  CliVersion oldest;
  std::vector<std::string> key_variables;
  std::string base_url_variable;
  std::string base_url_default;
  std::string login;  // a file that stands for a key; empty: there is none
};

CliFacts ClaudeFacts(const CliConfig& config) {
  return {.runtime = "claude",
          .config = config,
          .oldest = kClaudeOldest,
          .key_variables = {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"},
          .base_url_variable = "ANTHROPIC_BASE_URL",
          .base_url_default = kClaudeBaseUrlDefault,
          .login = config.home.empty() ? "" : config.home + "/.claude/.credentials.json"};
}

CliFacts CodexFacts(const CliConfig& config) {
  return {.runtime = "codex",
          .config = config,
          .oldest = kCodexOldest,
          .key_variables = {config.key_env},
          .base_url_variable = config.base_url_env,
          .base_url_default = kCodexBaseUrlDefault,
          .login = ""};
}

Json CheckCli(const CliFacts& facts) {
  Json check = {{"runtime", facts.runtime},
                {"set_up", true},
                {"program", ""},
                {"version", ""},
                {"minimum", ToString(facts.oldest)},
                {"key_variable", facts.key_variables[0]},
                {"key_present", false},
                {"base_url", ""},
                {"ok", true},
                {"problem", ""},
                {"next_step", ""}};
  for (const std::string& variable : facts.key_variables) {
    if (CliVariable(facts.config, variable).empty()) continue;
    check["key_variable"] = variable;
    check["key_present"] = true;
    break;
  }
  const bool logged_in = !facts.login.empty() && access(facts.login.c_str(), R_OK) == 0;
  const std::string base_url = CliVariable(facts.config, facts.base_url_variable);
  check["base_url"] = PublicUrl(base_url.empty() ? facts.base_url_default : base_url);

  const std::string install = "Install " + facts.runtime + " " + ToString(facts.oldest) +
                              " or later, or set program in [" + facts.runtime +
                              "] of the executor's config.";
  const auto program = FindCli(facts.runtime, facts.config.program);
  if (!program.ok()) {
    // A program that the config names was meant to be there.
    const bool named = !facts.config.program.empty();
    const std::string what = named ? "'" + facts.config.program + "' is no executable file"
                                   : "no '" + facts.runtime + "' on PATH";
    named ? Break(&check, what, install) : NotSetUp(&check, what, install);
    return check;
  }
  check["program"] = *program;
  const auto version = ReadVersion(facts.runtime, *program);
  if (!version.ok()) {
    Break(&check, MessageOf(version.status()), install);
    return check;
  }
  check["version"] = ToString(*version);
  if (*version < facts.oldest) {
    Break(&check, "older than " + ToString(facts.oldest), install);
  } else if (!check["key_present"] && !logged_in) {
    NotSetUp(&check, "no key", "Set " + facts.key_variables[0] + " where the executor starts.");
  } else if (check["base_url"] == "") {
    Break(&check, "its base URL is no http:// or https:// URL",
          "Correct " + facts.base_url_variable + " where the executor starts.");
  }
  return check;
}

Json CheckProvider(const ProviderSetup& setup, const std::string& base_url_variable) {
  Json check = {{"runtime", "bamboo"},
                {"provider", setup.provider},
                {"set_up", true},
                {"model", setup.model},
                {"key_variable", setup.key_variable},
                {"key_present", setup.key_present},
                {"base_url", PublicUrl(setup.base_url)},
                {"ok", true},
                {"problem", ""},
                {"next_step", ""}};
  if (!setup.key_present) {
    NotSetUp(&check, "no key", "Set " + setup.key_variable + " where the executor starts.");
  } else if (setup.base_url.empty()) {
    Break(&check, "no base URL", "Set " + base_url_variable + " where the executor starts.");
  } else if (check["base_url"] == "") {
    Break(&check, "its base URL is no http:// or https:// URL", "Correct it.");
  }
  return check;
}

std::vector<Json> CheckBamboo(const BambooConfig& config) {
  std::vector<Json> checks;
  for (const ProviderSetup& setup : ProviderSetups(config)) {
    checks.push_back(CheckProvider(setup, config.base_url_env));
  }
  if (!checks.empty()) return checks;
  Json check = CheckProvider({.provider = "",
                              .base_url = "",
                              .key_variable = config.key_env,
                              .key_present = false,
                              .model = ""},
                             config.base_url_env);
  NotSetUp(&check, "no provider's key",
           "Set one where the executor starts: DEEPSEEK_API_KEY, KIMI_API_KEY, ... "
           "(docs/runtimes.md), or " +
               config.key_env + " with " + config.base_url_env + ".");
  return {check};
}

// Of those with a key, and of the provider that the config names.
void AddReach(const std::string& named, std::vector<Json>* checks) {
  std::vector<Json*> asked;
  std::vector<std::string> urls;
  for (Json& check : *checks) {
    const bool wanted = check["set_up"] || (!named.empty() && check.value("provider", "") == named);
    if (!wanted || !check["ok"] || check.value("base_url", "").empty()) continue;
    asked.push_back(&check);
    urls.push_back(check["base_url"]);
  }
  const std::vector<Reach> found = ReachAll(urls);
  for (size_t i = 0; i < asked.size(); ++i) {
    Json& check = *asked[i];
    check["reachable"] = found[i].reachable;
    check["http_status"] = found[i].http_status;
    if (found[i].reachable || !check["set_up"]) continue;
    Break(&check, "no answer from " + urls[i] + ": " + found[i].problem,
          "Check the address, the network and the proxy variables.");
  }
}

odw::v1::AgentRequest ProbeRequest(const Json& check) {
  odw::v1::AgentRequest request;
  request.set_prompt(kProbePrompt);
  request.set_permission("read-only");
  request.set_timeout_ms(kProbeMs);
  request.set_output_tokens_max(kProbeTokensMax);
  request.set_runtime(check["runtime"]);
  request.set_provider(check.value("provider", ""));
  // claude's dozen of tools would cost thousands of input tokens.
  if (check["runtime"] == "claude") request.add_tools("Read");
  return request;
}

Json UsageJson(const odw::v1::Usage& usage) {
  return {{"input_tokens", usage.input_tokens()},
          {"output_tokens", usage.output_tokens()},
          {"model_calls", usage.model_calls()},
          {"cost_micros", usage.cost_micros()},
          {"currency", usage.currency()}};
}

void Probe(const Config& config, Json* check) {
  odw::v1::AgentRequest request = ProbeRequest(*check);
  if ((*check)["runtime"] != "bamboo") {
    // A folder with nothing in it: the CLI finds no instructions of a project there.
    request.set_cwd(DefaultStateRoot() + "/pandacode/probe");
    if (const absl::Status made = MakeFolders(request.cwd()); !made.ok()) {
      return Break(check, "the probe did not start: " + MessageOf(made), "Give ODW_STATE.");
    }
  }
  const absl::StatusOr<OneTaskEnd> end = RunOneTask({.runtime = (*check)["runtime"],
                                                     .config = config,
                                                     .request = std::move(request),
                                                     .session = ""});
  if (!end.ok()) {
    return Break(check, "the probe did not start: " + MessageOf(end.status()),
                 "Correct the executor's config or its environment.");
  }
  const odw::v1::Result& result = end->result;
  const odw::v1::ErrorCategory category = result.error().category();
  // Cut off at the limit is an answer.
  const bool answered =
      result.ok() || category == odw::v1::OUTPUT_TOO_LARGE || category == odw::v1::BUDGET;
  Json probe = {{"ok", answered}, {"model", result.model()}, {"usage", UsageJson(result.usage())}};
  if (!answered) {
    probe["category"] = odw::v1::ErrorCategory_Name(category);
    probe["message"] = result.error().message();
    Break(check,
          "the probe failed: " + odw::v1::ErrorCategory_Name(category) + ": " +
              result.error().message(),
          category == odw::v1::AUTH
              ? "Correct " + check->value("key_variable", "the key") + "."
              : "See the error class in docs/runtimes.md.");
  }
  (*check)["probe"] = std::move(probe);
}

std::vector<Json> CheckRuntime(const DoctorWish& wish) {
  if (wish.runtime == "claude") return {CheckCli(ClaudeFacts(wish.config.claude))};
  if (wish.runtime == "codex") return {CheckCli(CodexFacts(wish.config.codex))};
  if (wish.runtime == "bamboo") return CheckBamboo(wish.config.bamboo);
  Json check = {{"runtime", wish.runtime}, {"set_up", true}, {"ok", true},
                {"problem", ""},           {"next_step", ""}};
  if (wish.runtime == "command" && wish.config.commands.empty()) {
    NotSetUp(&check, "no commands", "Declare some in [commands.NAME] of the executor's config.");
  }
  return {check};
}

}  // namespace

int DoctorMain(const DoctorWish& wish) {
  std::vector<Json> checks = CheckRuntime(wish);
  const std::string& provider = wish.config.bamboo.provider;
  AddReach(provider == BambooConfig().provider ? "" : provider, &checks);
  bool ok = true;
  for (Json& check : checks) {
    if (wish.probe && check["set_up"] && check["ok"]) Probe(wish.config, &check);
    ok = ok && check["ok"];
  }
  const Json answer = {
      {"runtime", wish.runtime}, {"version", kVersion}, {"ok", ok}, {"checks", checks}};
  const std::string text = answer.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  fwrite(text.data(), 1, text.size(), stdout);
  return fflush(stdout) == 0 && ok ? 0 : 1;
}

}  // namespace odw::executors
