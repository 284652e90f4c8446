#include "client/output/repository_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "client/output/text.h"

namespace odw::client {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFilesShown = 20;
constexpr size_t kNodesShown = 10;
constexpr size_t kCommitChars = 12;

std::string NodeName(uint64_t ordinal) { return "n" + std::to_string(ordinal); }

// Two nodes may have changed one file: it is named once.
std::vector<std::string> FilesOf(const v1::RepositoryResponse& reply) {
  std::vector<std::string> files(reply.files().begin(), reply.files().end());
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

// "n3", or "2 nodes (n1, n3)".
std::string NodesText(const std::vector<uint64_t>& nodes) {
  if (nodes.empty()) return "the nodes";
  if (nodes.size() == 1) return NodeName(nodes[0]);
  std::string names;
  for (size_t i = 0; i < std::min(nodes.size(), kNodesShown); ++i) {
    names += (i > 0 ? ", " : "") + NodeName(nodes[i]);
  }
  if (nodes.size() > kNodesShown) names += ", ...";
  return std::to_string(nodes.size()) + " nodes (" + names + ")";
}

std::string FilesText(size_t count) {
  return std::to_string(count) + (count == 1 ? " file" : " files");
}

std::string MergedText(const RepositoryOutcome& outcome, const std::string& nodes, size_t files) {
  if (outcome.reply.commit().empty()) {
    return "nothing to merge: the current branch holds " + nodes + " already";
  }
  return "merged " + nodes + " into the current branch, commit " +
         OneLine(outcome.reply.commit()).substr(0, kCommitChars) + ": " +
         (files > 0 ? FilesText(files) + " changed"
                    : std::string("history alone, no file differs from before"));
}

std::string AppliedText(const std::string& nodes, size_t files) {
  if (files == 0) return "nothing to apply: the work tree holds what " + nodes + " changed already";
  return "applied " + nodes + ": " + FilesText(files) + " changed in the work tree, uncommitted";
}

std::string DiffText(const RepositoryOutcome& outcome, const std::string& nodes) {
  if (!outcome.reply.diff().empty()) return outcome.reply.diff();
  return "no file differs: the commits of " + nodes + " change nothing in the end\n";
}

std::string ConflictLines(const v1::RepositoryResponse& reply) {
  std::string out;
  for (const v1::RepositoryConflict& conflict : reply.conflicts()) {
    out += "conflict  " + OneLine(conflict.path()) + ": " + OneLine(conflict.what());
    if (conflict.node() != 0) out += " (" + NodeName(conflict.node()) + ")";
    out += "\n";
  }
  return out;
}

}  // namespace

std::string RepositoryText(const RepositoryOutcome& outcome) {
  if (!outcome.reply.ok()) return ConflictLines(outcome.reply);
  const std::string nodes = NodesText(outcome.nodes);
  if (outcome.kind == v1::RepositoryRequest::DIFF) return DiffText(outcome, nodes);
  const std::vector<std::string> files = FilesOf(outcome.reply);
  std::string out = outcome.kind == v1::RepositoryRequest::MERGE
                        ? MergedText(outcome, nodes, files.size())
                        : AppliedText(nodes, files.size());
  out += "\n";
  for (size_t i = 0; i < std::min<size_t>(files.size(), kFilesShown); ++i) {
    out += "  " + OneLine(files[i]) + "\n";
  }
  if (files.size() > kFilesShown) {
    out += "  and " + std::to_string(files.size() - kFilesShown) + " more\n";
  }
  return out;
}

std::string RepositoryToJson(const RepositoryOutcome& outcome) {
  const v1::RepositoryResponse& reply = outcome.reply;
  Json json = {{"ok", reply.ok()},
               {"nodes", Json::array()},
               {"files", FilesOf(reply)},
               {"conflicts", Json::array()}};
  for (const uint64_t node : outcome.nodes) json["nodes"].push_back(NodeName(node));
  for (const v1::RepositoryConflict& conflict : reply.conflicts()) {
    Json entry = {{"path", conflict.path()}, {"what", conflict.what()}};
    if (conflict.node() != 0) entry["node"] = NodeName(conflict.node());
    json["conflicts"].push_back(std::move(entry));
  }
  if (!reply.commit().empty()) json["commit"] = reply.commit();
  if (!reply.diff().empty()) json["diff"] = reply.diff();
  if (HasError(reply)) {
    json["error"] = {{"category", CategoryName(reply.error().category())},
                     {"message", reply.error().message()}};
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace odw::client
