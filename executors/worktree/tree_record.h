// What an executor knows of a node's work tree, kept beside it as `<folder>/<token>.json`, so that
// the executor's next process can save and sweep what this one leaves. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "executors/worktree/linked_tree.h"

namespace odw::executors::worktree {

struct TreeRecord {
  std::string token;
  std::string run_id;
  uint64_t node = 0;
  uint32_t attempt = 0;
  std::string label;
  std::vector<std::string> keep_ignored;
  // The request's folder and the tree's path are there from the first; the rest once it is made.
  std::string folder;
  LinkedTreeInfo tree;
  bool saved = false;  // all that it held is under its ref: only the folder is still to go
  bool made() const { return !tree.base_commit.empty(); }
};

// Written to a temporary file and renamed.
absl::Status SaveRecord(const std::string& folder, const TreeRecord& record);
void DropRecord(const std::string& folder, const std::string& token);
// Every record of `folder`; unreadable ones are logged and left alone.
std::map<std::string, TreeRecord> LoadRecords(const std::string& folder);

// refs/odw/<run>/<node>/<attempt>, and `.../result`.
std::string RefOf(const TreeRecord& record);
std::string ResultRefOf(const TreeRecord& record);
// Those of the attempts before it, the latest first.
std::vector<std::string> EarlierRefsOf(const TreeRecord& record);

}  // namespace odw::executors::worktree
