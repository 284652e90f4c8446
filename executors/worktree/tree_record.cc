#include "executors/worktree/tree_record.h"

#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "daemon/base/fd.h"
#include "daemon/base/log.h"

namespace odw::executors::worktree {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr size_t kRecordBytesMax = 1 << 20;
constexpr size_t kEarlierMax = 20;

std::string PathOf(const std::string& folder, const std::string& token) {
  return folder + "/" + token + ".json";
}

Json ToJson(const TreeRecord& record) {
  return {{"token", record.token},
          {"run_id", record.run_id},
          {"node", record.node},
          {"attempt", record.attempt},
          {"label", record.label},
          {"keep_ignored", record.keep_ignored},
          {"folder", record.folder},
          {"repository", record.tree.repository},
          {"path", record.tree.path},
          {"cwd", record.tree.cwd},
          {"base_commit", record.tree.base_commit},
          {"name", record.tree.name},
          {"notes", record.tree.notes},
          {"saved", record.saved}};
}

TreeRecord FromJson(const Json& json) {
  TreeRecord record;
  json.at("token").get_to(record.token);
  json.at("run_id").get_to(record.run_id);
  json.at("node").get_to(record.node);
  json.at("attempt").get_to(record.attempt);
  json.at("label").get_to(record.label);
  json.at("keep_ignored").get_to(record.keep_ignored);
  json.at("folder").get_to(record.folder);
  json.at("repository").get_to(record.tree.repository);
  json.at("path").get_to(record.tree.path);
  json.at("cwd").get_to(record.tree.cwd);
  json.at("base_commit").get_to(record.tree.base_commit);
  json.at("name").get_to(record.tree.name);
  json.at("notes").get_to(record.tree.notes);
  record.saved = json.value("saved", false);
  return record;
}

}  // namespace

absl::Status SaveRecord(const std::string& folder, const TreeRecord& record) {
  const std::string text =
      ToJson(record).dump(1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::string path = PathOf(folder, record.token);
  return WriteFileAtomically(path, text);
}

void DropRecord(const std::string& folder, const std::string& token) {
  unlink(PathOf(folder, token).c_str());
}

std::map<std::string, TreeRecord> LoadRecords(const std::string& folder) {
  std::map<std::string, TreeRecord> records;
  std::error_code failed;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, failed)) {
    if (entry.path().extension() != ".json") continue;
    const absl::StatusOr<std::string> text = ReadFile(entry.path().string(), kRecordBytesMax);
    if (!text.ok()) continue;
    try {
      TreeRecord record = FromJson(Json::parse(*text));
      std::string token = record.token;
      records.emplace(std::move(token), std::move(record));
    } catch (const nlohmann::json::exception& error) {
      LogError(entry.path().string() + " is not a work tree's record and is left alone: " +
               error.what());
    }
  }
  return records;
}

std::string RefOf(const TreeRecord& record) {
  return "refs/odw/" + record.run_id + "/n" + std::to_string(record.node) + "/" +
         std::to_string(record.attempt);
}

std::vector<std::string> EarlierRefsOf(const TreeRecord& record) {
  std::vector<std::string> refs;
  for (TreeRecord earlier = record; earlier.attempt > 1 && refs.size() < kEarlierMax;) {
    --earlier.attempt;
    refs.push_back(RefOf(earlier));
  }
  return refs;
}

std::string ResultRefOf(const TreeRecord& record) {
  return "refs/odw/" + record.run_id + "/n" + std::to_string(record.node) + "/result";
}

}  // namespace odw::executors::worktree
