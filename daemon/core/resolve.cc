#include "daemon/core/resolve.h"

#include <algorithm>
#include <array>
#include <optional>

#include "daemon/core/fallback.h"

namespace odw::core {
namespace {

constexpr size_t kNamesBytesMax = 2000;
constexpr uint32_t kSchemaTriesByDefault = 5;  // SPEC D14
// The built-in tool's own, which have no file: the default agent (SPEC D10).
constexpr std::array kBuiltInTypes = {"general-purpose", "Explore", "Plan", "workflow-subagent"};

constexpr std::array kClaudeAliases = {"haiku", "sonnet", "opus", "fable", "opusplan", "best", "default"};

const v1::AgentDefinition* FindDefinition(const v1::RunSubmitted& header, const std::string& name) {
  for (const v1::AgentDefinition& agent : header.agents()) {
    if (agent.name() == name) return &agent;
  }
  return nullptr;
}

std::string AvailableTypes(const v1::RunSubmitted& header) {
  std::string names;
  for (const v1::AgentDefinition& agent : header.agents()) {
    if (names.size() > kNamesBytesMax) return names + ", …";
    names += (names.empty() ? "" : ", ") + agent.name();
  }
  for (const char* name : kBuiltInTypes) {
    if (FindDefinition(header, name) == nullptr) names += std::string(names.empty() ? "" : ", ") + name;
  }
  return names;
}

// SPEC D9, D10. In the original's dialect agentType is a free tag: one without a file says nothing.
const v1::AgentDefinition* ResolveType(const v1::RunSubmitted& header, const std::string& type,
                                       Resolution* resolution) {
  if (type.empty()) return nullptr;
  const v1::AgentDefinition* definition = FindDefinition(header, type);
  if (definition != nullptr || header.dialect() == v1::ODW) return definition;
  if (std::find(kBuiltInTypes.begin(), kBuiltInTypes.end(), type) != kBuiltInTypes.end()) {
    return nullptr;
  }
  const std::string what = "agent({agentType}): agent type '" + type.substr(0, 200) +
                           "' not found. Available agents: " + AvailableTypes(header);
  if (header.settings().strict_agent_types()) {
    resolution->refused = what;
  } else {
    resolution->unknown_type = what + ". It runs as the default agent";
  }
  return nullptr;
}

bool IsOwnModel(const std::string& model) { return !model.empty() && model != "inherit"; }

// The call's, its agent type's, its phase's (SPEC B13), the run's.
void ResolveModel(const v1::RunSettings& settings, const v1::AgentDefinition* definition,
                  v1::AgentRequest* request) {
  if (request->runtime() == "command") return;  // it has no model
  if (IsOwnModel(request->model())) return;
  request->clear_model();
  if (definition != nullptr && IsOwnModel(definition->model())) {
    request->set_model(definition->model());
  }
  for (const v1::PhaseModel& phase : settings.phase_models()) {
    if (request->model().empty() && phase.title() == request->phase()) {
      request->set_model(phase.model());
    }
  }
  if (request->model().empty()) request->set_model(settings.default_model());
}

// Claude's own short names, which scripts of the built-in tool and agent files use, name nothing to
// another runtime: there its own model, or the run's, answers (SPEC D7, substitution). A call that
// names both its runtime and its model means what it says.
void DropForeignAlias(const std::string& default_model, v1::AgentRequest* request) {
  const bool foreign = request->runtime() == "codex" || request->runtime() == "bamboo";
  const auto is_alias = [](const std::string& model) {
    return std::find(kClaudeAliases.begin(), kClaudeAliases.end(), model) != kClaudeAliases.end();
  };
  if (!foreign || !request->provider().empty() || !is_alias(request->model())) return;
  request->set_model(is_alias(default_model) ? "" : default_model);
}

// A command becomes a prompt that names what it would have run: nothing is executed.
void MoveTo(const std::string& runtime, v1::AgentRequest* request) {
  if (request->runtime() == "command" && runtime != "command") {
    if (request->prompt().empty()) {
      std::string prompt = "command " + request->command();
      for (const std::string& arg : request->args()) prompt += ' ' + arg;
      request->set_prompt(std::move(prompt));
    }
    request->clear_command();
    request->clear_args();
  }
  request->set_runtime(runtime);
  request->clear_provider();
  request->clear_fallback();
}

// How much a permission allows; one of a runtime's own that is not known here ranks as the most.
int RankOf(const std::string& permission) {
  if (permission == "read-only") return 0;
  if (permission == "workspace-write") return 1;
  return 2;
}

// The strictest of run and node.
void ResolvePermissions(const v1::RunSettings& settings, v1::AgentRequest* request) {
  const std::string& of_run = settings.permission();
  if (!of_run.empty() && (request->permission().empty() ||
                          RankOf(of_run) < RankOf(request->permission()))) {
    request->set_permission(of_run);
  }
  if (request->network().empty() || settings.network() == "no") {
    if (!settings.network().empty()) request->set_network(settings.network());
  }
}

void ResolveTries(const v1::RunSubmitted& header, v1::AgentRequest* request) {
  const v1::RunSettings& settings = header.settings();
  if (request->stall_ms() == 0) request->set_stall_ms(settings.stall_ms());
  if (request->schema_json().empty() || request->schema_tries_max() > 0) return;
  if (header.dialect() == v1::ODW) {
    request->set_schema_tries_max(std::max(request->attempts_max(), 1u));  // SPEC O2
  } else {
    const uint32_t tries = settings.schema_tries_max();
    request->set_schema_tries_max(tries > 0 ? tries : kSchemaTriesByDefault);
  }
}

}  // namespace

void ForceRuntime(const v1::RunSubmitted& header, v1::AgentRequest* request) {
  const v1::RunSettings& settings = header.settings();
  if (settings.forced_runtime().empty()) return;
  MoveTo(settings.forced_runtime(), request);
  // A command has no model; the prompt that it became has.
  ResolveModel(settings, FindDefinition(header, request->agent_type()), request);
}

Resolution ResolveRequest(const v1::RunSubmitted& header, v1::AgentRequest* request) {
  const v1::RunSettings& settings = header.settings();
  Resolution resolution;
  const v1::AgentDefinition* definition = ResolveType(header, request->agent_type(), &resolution);
  const bool says_both = !request->runtime().empty() && IsOwnModel(request->model());
  if (request->runtime().empty()) request->set_runtime(settings.default_runtime());
  if (request->cwd().empty()) request->set_cwd(settings.cwd());
  ResolveModel(settings, definition, request);
  if (!says_both) DropForeignAlias(settings.default_model(), request);
  if (definition != nullptr) {
    resolution.agent_sha256 = definition->sha256();
    request->set_system_prompt(definition->prompt());
    if (request->tools().empty()) *request->mutable_tools() = definition->tools();
  }
  if (request->fallback().empty()) {
    for (const std::string& entry : settings.fallback()) {
      const std::optional<std::string> own = FallbackFor(request->runtime(), entry);
      if (own) request->add_fallback(*own);
    }
  }
  if (request->runtime() == "command") request->clear_fallback();
  KeepValidFallbacks(request);
  if (request->isolation() == "worktree" && request->base_commit().empty()) {
    request->set_base_commit(header.base_commit());
  }
  request->set_include_dirty(request->isolation() == "worktree" && settings.include_dirty());
  ResolvePermissions(settings, request);
  ResolveTries(header, request);
  const bool nowhere = request->runtime().empty() && settings.forced_runtime().empty();
  if (resolution.refused.empty() && nowhere) {
    resolution.refused =
        "agent(): no runtime: give the option `runtime`, or set default_runtime in the daemon's config";
  }
  return resolution;
}

}  // namespace odw::core
