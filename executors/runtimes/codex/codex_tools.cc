#include "executors/runtimes/codex/codex_tools.h"

#include <map>
#include <set>

#include "executors/permission.h"

namespace odw::executors {
namespace {

enum class Use { kRun, kRead, kEdit, kSearchTheWeb };

const std::map<std::string, Use>& Known() {
  static const auto* const known =
      new std::map<std::string, Use>{{"Bash", Use::kRun},
                                     {"exec_command", Use::kRun},
                                     {"shell", Use::kRun},
                                     {"Read", Use::kRead},
                                     {"Grep", Use::kRead},
                                     {"Glob", Use::kRead},
                                     {"LS", Use::kRead},
                                     {"Edit", Use::kEdit},
                                     {"MultiEdit", Use::kEdit},
                                     {"Write", Use::kEdit},
                                     {"NotebookEdit", Use::kEdit},
                                     {"apply_patch", Use::kEdit},
                                     {"WebSearch", Use::kSearchTheWeb},
                                     {"web_search", Use::kSearchTheWeb}};
  return *known;
}

}  // namespace

CodexTools CodexToolsOf(const odw::v1::AgentRequest& request) {
  CodexTools out;
  if (request.tools().empty()) return out;
  std::set<Use> uses;
  for (const std::string& tool : request.tools()) {
    if (tool == kNoTool) continue;
    const size_t bracket = tool.find('(');
    const auto known = Known().find(tool.substr(0, bracket));
    if (known == Known().end()) {
      out.not_enforced.push_back("tools: codex has no '" + tool + "'");
      continue;
    }
    uses.insert(known->second);
    if (bracket != std::string::npos)
      out.not_enforced.push_back("tools: codex takes no patterns; '" + tool +
                                 "' is the whole tool");
  }
  const auto has = [&](Use use) { return uses.count(use) > 0; };
  // It has no tool of its own to read a file with.
  const bool shell = has(Use::kRun) || has(Use::kRead);
  if (!shell) out.settings.emplace_back("features.shell_tool", "false");
  if (shell && !has(Use::kRun))
    out.not_enforced.push_back(
        "tools: codex reads files with its shell, so it can run commands too");
  // apply_patch cannot be switched off: the sandbox refuses what it would write.
  out.read_only = !has(Use::kRun) && !has(Use::kEdit);
  if (has(Use::kRun) && !has(Use::kEdit))
    out.not_enforced.push_back("tools: codex's apply_patch stays beside its shell");
  if (has(Use::kSearchTheWeb) && request.network() != "no")
    out.settings.emplace_back("web_search", "\"live\"");
  return out;
}

}  // namespace odw::executors
