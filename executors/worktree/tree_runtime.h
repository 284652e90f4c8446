// Gives nodes with isolation 'worktree' a tree of their own, whatever the runtime: wraps another
// Runtime and stands between it and the executor.
//
//   Start:    makes the tree, then starts the task in it
//   Finished: captures the tree into refs/odw/..., then passes the result on with its Worktree
//   Stored:   removes the tree; so a crash at any point before loses nothing and captures again
//   Lost:     captures what is there, removes the tree, then tells the loss
//   Adopt:    saves and sweeps the trees of tasks that are neither adopted nor in the spool
//
// Git runs on threads of its own. Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "executors/runtime.h"
#include "executors/worktree/blocking_pool.h"
#include "executors/worktree/tree_record.h"

namespace odw::executors::worktree {

class TreeRuntime : public Runtime, private TaskSink {
 public:
  // `folder` holds the trees and their records; made when needed. Borrows loop.
  TreeRuntime(EventLoop* loop, std::unique_ptr<Runtime> inner, std::string folder);

  void Describe(odw::v1::Register* out) const override;
  absl::StatusOr<std::vector<std::string>> Adopt(
      const std::function<bool(const std::string& token)>& stored) override;
  void Start(Task task) override;
  void Cancel(const std::string& token, const std::string& reason) override;
  void Stored(const std::string& token) override;

  void CarryOut(odw::v1::RepositoryCommand command,
                std::function<void(odw::v1::RepositoryReply)> done) override;

 private:
  void Finished(odw::v1::Result result) override;
  void Lost(odw::v1::Lost lost) override;
  void Progress(odw::v1::Progress progress) override { sink_->Progress(std::move(progress)); }

  void OnMade(Task task, absl::StatusOr<LinkedTreeInfo> made);
  void Fail(const std::string& token, odw::v1::ErrorCategory category, const std::string& message);
  // Captures and then calls `then` with what came of it. The node's result ref moves for a success
  // alone; every attempt has its own.
  enum class RefOnly { kNo, kYes };
  void CaptureThen(const TreeRecord& record, RefOnly ref_only,
                   std::function<void(absl::StatusOr<odw::v1::Worktree>)> then);
  void Sweep(const TreeRecord& record);
  void Remove(const std::string& token);
  // By node, so that a session that is resumed finds its files where they were: it knows them by
  // whole paths. An attempt waits there for an earlier one's tree to go.
  std::string PathOf(const Task& task) const;
  // That, or one by token where a tree stays there.
  std::string FreePathFor(const Task& task) const;
  void Make(Task task);
  // No tree leaves `path` any more: who waits for it may begin.
  void Free(const std::string& path);

  const std::unique_ptr<Runtime> inner_;
  const std::string folder_;
  BlockingPool pool_;
  std::map<std::string, TreeRecord> records_;     // by token; until the tree is removed
  std::map<std::string, std::string> opening_;    // token -> why it was cancelled meanwhile
  std::set<std::string> kept_;                    // trees that must not be removed
  std::multiset<std::string> leaving_;            // paths of trees that are being saved or removed
  std::multimap<std::string, Task> waiting_;      // by path: for one of those
};

}  // namespace odw::executors::worktree
