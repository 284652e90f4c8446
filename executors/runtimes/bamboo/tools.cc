#include "executors/runtimes/bamboo/tools.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "executors/json_fields.h"

namespace odw::executors {
namespace {

using Json = nlohmann::json;

constexpr size_t kMatchesAFile = 40;

// Short on purpose: every call of every node carries them.
const std::map<std::string, const char*>& Definitions() {
  static const auto* const definitions = new std::map<std::string, const char*>{
      {"read",
       R"({"description":"Read a text file","parameters":{"type":"object","properties":{"path":{"type":"string"},"line":{"type":"integer","description":"first line, from 1"},"count":{"type":"integer"}},"required":["path"]}})"},
      {"write",
       R"({"description":"Write a whole file","parameters":{"type":"object","properties":{"path":{"type":"string"},"content":{"type":"string"}},"required":["path","content"]}})"},
      {"edit",
       R"({"description":"Replace text in a file. old must occur once, or set all","parameters":{"type":"object","properties":{"path":{"type":"string"},"old":{"type":"string"},"new":{"type":"string"},"all":{"type":"boolean"}},"required":["path","old","new"]}})"},
      {"list",
       R"({"description":"List a folder","parameters":{"type":"object","properties":{"path":{"type":"string"}}}})"},
      {"search",
       R"({"description":"Search files with an extended regular expression","parameters":{"type":"object","properties":{"pattern":{"type":"string"},"path":{"type":"string"}},"required":["pattern"]}})"},
      {"run",
       R"({"description":"Run a shell command","parameters":{"type":"object","properties":{"command":{"type":"string"},"timeout_ms":{"type":"integer"}},"required":["command"]}})"},
  };
  return *definitions;
}

// Claude's names for the same.
const std::map<std::string, std::string>& OtherNames() {
  static const auto* const names = new std::map<std::string, std::string>{
      {"Read", "read"}, {"Write", "write"}, {"Edit", "edit"},   {"MultiEdit", "edit"},
      {"LS", "list"},   {"Glob", "list"},   {"Grep", "search"}, {"Bash", "run"}};
  return *names;
}

ToolAction Malformed(const std::string& what) {
  return {.kind = ToolAction::Kind::kAnswer, .answer = "error: " + what, .malformed = true};
}

ToolAction Answer(const absl::StatusOr<std::string>& result) {
  return {.kind = ToolAction::Kind::kAnswer,
          .answer = result.ok() ? *result : "error: " + MessageOf(result.status())};
}

ToolAction Search(const Workspace& workspace, const Json& args) {
  const std::string path = TextOf(args, "path").empty() ? "." : TextOf(args, "path");
  const absl::StatusOr<std::string> within = workspace.Within(path);
  if (!within.ok()) return Answer(within.status());
  return {.kind = ToolAction::Kind::kCommand,
          .argv = {"grep", "-rnIE", "--exclude-dir=.git", "-m", std::to_string(kMatchesAFile), "-e",
                   TextOf(args, "pattern"), "--", *within},
          .is_search = true};
}

}  // namespace

std::vector<std::string> ToolsFor(const odw::v1::AgentRequest& request) {
  std::vector<std::string> tools = {"read", "list", "search"};
  if (PermissionOf(request) != Permission::kReadOnly)
    tools.insert(tools.end(), {"write", "edit", "run"});
  if (request.cwd().empty()) return {};
  if (request.tools().empty()) return tools;
  std::vector<std::string> wanted;
  for (const std::string& name : request.tools()) {
    const auto other = OtherNames().find(name.substr(0, name.find('(')));
    wanted.push_back(other != OtherNames().end() ? other->second : name);
  }
  std::erase_if(tools, [&](const std::string& tool) {
    return std::find(wanted.begin(), wanted.end(), tool) == wanted.end();
  });
  return tools;
}

std::string ToolDefinitions(const std::vector<std::string>& tools) {
  Json list = Json::array();
  for (const std::string& tool : tools) {
    Json function = Json::parse(Definitions().at(tool));
    function["name"] = tool;
    list.push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  return list.dump();
}

ToolAction Act(const Workspace& workspace, const std::vector<std::string>& tools,
               const ToolCall& call) {
  if (std::find(tools.begin(), tools.end(), call.name()) == tools.end()) {
    std::string names;
    for (const std::string& tool : tools) names += (names.empty() ? "" : ", ") + tool;
    return Malformed("no tool '" + call.name() +
                     "' here; there are: " + (names.empty() ? "none" : names));
  }
  const Json args = Json::parse(call.arguments().empty() ? "{}" : call.arguments(), nullptr, false);
  if (!args.is_object())
    return Malformed("the arguments are not a JSON object; call it again with valid JSON");
  const Json definition = Json::parse(Definitions().at(call.name()));
  for (const auto& key : definition["parameters"].value("required", Json::array())) {
    const auto it = args.find(key.get<std::string>());
    if (it == args.end() || !it->is_string()) {
      return Malformed("'" + key.get<std::string>() + "' is missing or not a string");
    }
  }
  const std::string path = TextOf(args, "path");
  if (call.name() == "read")
    return Answer(workspace.Read(path, CountOf(args, "line"), CountOf(args, "count")));
  if (call.name() == "write") return Answer(workspace.Write(path, TextOf(args, "content")));
  if (call.name() == "list") return Answer(workspace.List(path));
  if (call.name() == "search") return Search(workspace, args);
  if (call.name() == "edit") {
    const bool every = args.value("all", Json()) == true;
    return Answer(workspace.Edit(path, TextOf(args, "old"), TextOf(args, "new"),
                                 every ? Workspace::Which::kEvery : Workspace::Which::kOnly));
  }
  const std::string command = TextOf(args, "command");
  if (command.find('\0') != std::string::npos) return Malformed("the command holds a NUL byte");
  return {.kind = ToolAction::Kind::kCommand,
          .argv = {"/bin/sh", "-c", command},
          .timeout_ms = CountOf(args, "timeout_ms")};
}

}  // namespace odw::executors
