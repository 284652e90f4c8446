#include "daemon/registry/agent_files.h"

#include <algorithm>
#include <set>

#include "daemon/base/fd.h"
#include "daemon/base/sha256.h"
#include "daemon/model/utf8.h"
#include "daemon/registry/front_matter.h"

namespace odw::registry {
namespace {

constexpr size_t kNameBytesMax = 256;
constexpr size_t kDescriptionBytesMax = 4096;
constexpr size_t kWarningsMax = 20;

// "Read, Grep, Bash" in one item, or a list.
std::vector<std::string> ToolsOf(const FrontMatter& matter) {
  std::vector<std::string> tools;
  const std::string text = matter.Text("tools") + ",";
  for (size_t at = 0; at < text.size();) {
    const size_t comma = text.find(',', at);
    std::string tool = text.substr(at, comma - at);
    tool.erase(0, std::min(tool.find_first_not_of(" \t"), tool.size()));
    tool.erase(tool.find_last_not_of(" \t") + 1);
    if (!tool.empty()) tools.push_back(std::move(tool));
    at = comma + 1;
  }
  return tools;
}

absl::StatusOr<v1::AgentDefinition> ReadAgent(const std::string& path) {
  ODW_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kAgentFileBytesMax));
  if (!model::ScanUtf8(text).ok) return absl::InvalidArgumentError("it is not UTF-8");
  ODW_ASSIGN_OR_RETURN(const FrontMatter matter, ParseFrontMatter(text));
  v1::AgentDefinition agent;
  agent.set_name(matter.Text("name"));
  if (agent.name().empty()) return absl::InvalidArgumentError("its front matter has no `name`");
  if (agent.name().size() > kNameBytesMax || agent.name().find('\n') != std::string::npos) {
    return absl::InvalidArgumentError("its `name` is longer than a line of 256 bytes");
  }
  const std::string description = matter.Text("description");
  agent.set_description(std::string(model::CutUtf8(description, kDescriptionBytesMax)));
  agent.set_model(matter.Text("model"));
  for (std::string& tool : ToolsOf(matter)) agent.add_tools(std::move(tool));
  agent.set_prompt(matter.body);
  agent.set_path(path);
  agent.set_sha256(Sha256(text));
  return agent;
}

class Scan {
 public:
  void Folder(const std::string& folder, const std::string& prefix) {
    const FileNames files = FilesIn(folder, ".md", kAgentsMax);
    for (const std::string& name : files.names) File(folder + "/" + name, prefix);
    if (files.more) {
      Warn(folder + " has more than " + std::to_string(kAgentsMax) +
           " agent files; the rest is left out");
    }
  }

  AgentScan Take() { return std::move(scan_); }

 private:
  void Warn(const std::string& text) {
    if (scan_.warnings.size() < kWarningsMax) scan_.warnings.push_back(text);
  }

  void File(const std::string& path, const std::string& prefix) {
    if (full_) return;
    absl::StatusOr<v1::AgentDefinition> agent = ReadAgent(path);
    if (!agent.ok()) {
      return Warn("agent file " + path + " is left out: " + MessageOf(agent.status()));
    }
    agent->set_name(prefix + agent->name());
    if (!names_.insert(agent->name()).second) return;
    bytes_ += agent->ByteSizeLong();
    if (bytes_ > kAgentsBytesMax || scan_.agents.size() >= kAgentsMax) {
      full_ = true;
      return Warn("agent files from " + path + " on are left out: together they pass " +
                  std::to_string(kAgentsBytesMax >> 20) + " MiB or " + std::to_string(kAgentsMax) +
                  " files");
    }
    scan_.agents.push_back(*std::move(agent));
  }

  AgentScan scan_;
  std::set<std::string> names_;
  size_t bytes_ = 0;
  bool full_ = false;
};

}  // namespace

AgentScan ScanAgents(const std::string& cwd, const UserFolders& user) {
  Scan scan;
  for (const Place& place : AgentPlaces(cwd, user)) scan.Folder(place.folder, "");
  for (const std::string& plugin : Plugins(user)) {
    scan.Folder(PluginFolder(user, plugin, "agents"), plugin + ":");
  }
  return scan.Take();
}

}  // namespace odw::registry
