#include "executors/worktree/apply.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "executors/worktree/patch.h"
#include "executors/worktree/repository.h"
#include "executors/worktree/snapshot.h"
#include "executors/worktree/switch_files.h"

namespace odw::executors::worktree {
namespace {

// Of all nodes' patches together; the refs hold everything whatever its size.
constexpr size_t kPatchBytesMax = 60 << 20;
constexpr int kConflictsMax = 200;
constexpr size_t kDirtyPathsMax = 100000;

struct Sides {
  Commit base, result;
  Tree base_tree, result_tree;
};

absl::StatusOr<Sides> FindSides(git_repository* repository, const v1::Worktree& worktree) {
  Sides sides;
  for (const auto& [hex, commit, tree] :
       {std::tuple{&worktree.base_commit(), &sides.base, &sides.base_tree},
        std::tuple{&worktree.result_commit(), &sides.result, &sides.result_tree}}) {
    ODW_ASSIGN_OR_RETURN(const git_oid id, OidFromHex(*hex));
    absl::StatusOr<Commit> found = FindCommit(repository, id);
    if (!found.ok()) {
      return absl::FailedPreconditionError(
          "commit " + *hex + " is not in " + git_repository_workdir(repository) +
          " any more: was " + worktree.result_ref() + " deleted?");
    }
    *commit = *std::move(found);
    ODW_ASSIGN_OR_RETURN(*tree, TreeOf(commit->get()));
  }
  return sides;
}

std::string Describe(const git_index_entry* base, const git_index_entry* ours,
                     const git_index_entry* theirs) {
  if (base == nullptr) return "added on both sides";
  if (ours == nullptr) return "deleted here, changed by the node";
  if (theirs == nullptr) return "changed here, deleted by the node";
  return "changed on both sides";
}

void ListConflicts(git_index* index, uint64_t node, v1::RepositoryReply* reply) {
  git_index_conflict_iterator* raw = nullptr;
  if (git_index_conflict_iterator_new(&raw, index) < 0) return;
  const Conflicts conflicts(raw);
  const git_index_entry *base, *ours, *theirs;
  while (git_index_conflict_next(&base, &ours, &theirs, conflicts.get()) == 0) {
    if (reply->conflicts_size() >= kConflictsMax) return;
    v1::Conflict* conflict = reply->add_conflicts();
    const git_index_entry* named = ours != nullptr ? ours : theirs != nullptr ? theirs : base;
    conflict->set_path(named->path);
    conflict->set_what(Describe(base, ours, theirs));
    conflict->set_node(node);
  }
}

absl::StatusOr<Tree> WriteTree(git_repository* repository, git_index* index) {
  git_oid id;
  if (const int code = git_index_write_tree_to(&id, index, repository); code < 0) {
    return GitError(code, "the merged tree");
  }
  return Make<Tree>("the merged tree", git_tree_lookup, repository,
                    static_cast<const git_oid*>(&id));
}

// Local edits that would be overwritten, as conflicts.
absl::Status RefuseDirty(git_repository* repository, const std::vector<std::string>& files,
                         v1::RepositoryReply* reply) {
  ODW_ASSIGN_OR_RETURN(const DirtyPaths dirty, FindDirty(repository, kDirtyPathsMax));
  const std::set<std::string> edited(dirty.paths.begin(), dirty.paths.end());
  for (const std::string& file : files) {
    if (!edited.contains(file) || reply->conflicts_size() >= kConflictsMax) continue;
    v1::Conflict* conflict = reply->add_conflicts();
    conflict->set_path(file);
    conflict->set_what("has uncommitted edits here: commit or stash them first");
  }
  return absl::OkStatus();
}

// Files that git does not see (ignored ones) where a new file would go, as conflicts.
void RefuseUnseen(git_repository* repository, git_tree* from, const std::vector<std::string>& files,
                  v1::RepositoryReply* reply) {
  const std::filesystem::path top = git_repository_workdir(repository);
  for (const std::string& file : files) {
    git_tree_entry* raw = nullptr;
    const bool known = git_tree_entry_bypath(&raw, from, file.c_str()) == 0;
    git_tree_entry_free(raw);
    std::error_code failed;
    if (known || !std::filesystem::exists(std::filesystem::symlink_status(top / file, failed)) ||
        reply->conflicts_size() >= kConflictsMax) {
      continue;
    }
    v1::Conflict* conflict = reply->add_conflicts();
    conflict->set_path(file);
    conflict->set_what("exists here already and is not tracked: move it away first");
  }
}

absl::Status RefuseUnderWay(git_repository* repository) {
  const std::string what = OperationUnderWay(repository);
  if (what.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(std::string(git_repository_workdir(repository)) + " is " +
                                       what + ": finish or abort it first");
}

absl::Status Patch(git_repository* repository, const v1::RepositoryCommand& command,
                   v1::RepositoryReply* reply) {
  for (int i = 0; i < command.worktrees_size(); ++i) {
    const v1::Worktree& worktree = command.worktrees(i);
    ODW_ASSIGN_OR_RETURN(const Sides sides, FindSides(repository, worktree));
    ODW_ASSIGN_OR_RETURN(
        const Change change,
        DescribeChange(repository, sides.base_tree.get(), sides.result_tree.get(),
                       kPatchBytesMax - std::min(kPatchBytesMax, reply->diff().size())));
    if (change.cut) {
      return absl::ResourceExhaustedError(
          "the diff is longer than " + std::to_string(kPatchBytesMax >> 20) +
          " MiB; the change is whole in git: git -C " + git_repository_workdir(repository) +
          " diff " + worktree.base_commit() + " " + worktree.result_ref());
    }
    if (command.worktrees_size() > 1 && i < command.nodes_size()) {
      // Between patches git takes any line for a comment.
      reply->mutable_diff()->append("# n" + std::to_string(command.nodes(i)) + " of " +
                                    command.run_id() + "\n");
    }
    reply->mutable_diff()->append(change.patch);
    for (const std::string& file : change.files) reply->add_applied_files(file);
  }
  return absl::OkStatus();
}

absl::Status Apply(git_repository* repository, const v1::RepositoryCommand& command,
                   v1::RepositoryReply* reply) {
  ODW_ASSIGN_OR_RETURN(const Snapshot before, TakeSnapshot(repository, {}));
  ODW_ASSIGN_OR_RETURN(const Tree ours, Make<Tree>("the present files", git_tree_lookup, repository,
                                                   &before.tree));
  ODW_ASSIGN_OR_RETURN(Tree merged, Make<Tree>("the present files", git_tree_lookup, repository,
                                               &before.tree));
  for (int i = 0; i < command.worktrees_size(); ++i) {
    ODW_ASSIGN_OR_RETURN(const Sides sides, FindSides(repository, command.worktrees(i)));
    const git_merge_options options = GIT_MERGE_OPTIONS_INIT;
    ODW_ASSIGN_OR_RETURN(const Index index,
                         Make<Index>("the merge", git_merge_trees, repository,
                                     sides.base_tree.get(), merged.get(), sides.result_tree.get(),
                                     &options));
    if (git_index_has_conflicts(index.get())) {
      ListConflicts(index.get(), i < command.nodes_size() ? command.nodes(i) : 0, reply);
      continue;
    }
    ODW_ASSIGN_OR_RETURN(merged, WriteTree(repository, index.get()));
  }
  ODW_ASSIGN_OR_RETURN(const std::vector<std::string> files,
                       ChangedFiles(repository, ours.get(), merged.get()));
  RefuseUnseen(repository, ours.get(), files, reply);
  if (!command.allow_dirty()) ODW_RETURN_IF_ERROR(RefuseDirty(repository, files, reply));
  if (reply->conflicts_size() > 0) return absl::OkStatus();
  ODW_RETURN_IF_ERROR(
      SwitchFiles(repository, ours.get(), merged.get(), files, WithIndex::kLeave));
  SwitchIsDone(repository);
  for (const std::string& file : files) reply->add_applied_files(file);
  return absl::OkStatus();
}

// HEAD's branch, or HEAD itself where it is detached.
absl::StatusOr<Reference> FindHead(git_repository* repository) {
  return Make<Reference>("HEAD", git_repository_head, repository);
}

// `ours` with what the node changed. Where its history does not go through its base (it amended that,
// or began another), git's own merge base would count the base's changes as ours.
absl::StatusOr<Index> MergeOne(git_repository* repository, const git_commit* ours,
                               const Sides& sides) {
  const git_merge_options options = GIT_MERGE_OPTIONS_INIT;
  const int descends = git_graph_descendant_of(repository, git_commit_id(sides.result.get()),
                                               git_commit_id(sides.base.get()));
  if (descends < 0) return GitError(descends, "the node's history");
  if (descends == 1) {
    return Make<Index>("the merge", git_merge_commits, repository, ours, sides.result.get(),
                       &options);
  }
  ODW_ASSIGN_OR_RETURN(const Tree tree, TreeOf(ours));
  return Make<Index>("the merge", git_merge_trees, repository, sides.base_tree.get(), tree.get(),
                     sides.result_tree.get(), &options);
}

// The commit that HEAD is to move to, or nullopt on conflicts (which are in the reply).
absl::StatusOr<git_oid> MergeAll(git_repository* repository, git_oid head,
                                 const v1::RepositoryCommand& command,
                                 v1::RepositoryReply* reply) {
  for (int i = 0; i < command.worktrees_size(); ++i) {
    const v1::Worktree& worktree = command.worktrees(i);
    const uint64_t node = i < command.nodes_size() ? command.nodes(i) : 0;
    ODW_ASSIGN_OR_RETURN(const Sides sides, FindSides(repository, worktree));
    const git_oid result = *git_commit_id(sides.result.get());
    if (git_oid_equal(&head, &result) ||
        git_graph_descendant_of(repository, &head, &result) == 1) {
      continue;  // merged before
    }
    ODW_ASSIGN_OR_RETURN(const Commit ours, FindCommit(repository, head));
    ODW_ASSIGN_OR_RETURN(const Index index, MergeOne(repository, ours.get(), sides));
    if (git_index_has_conflicts(index.get())) {
      ListConflicts(index.get(), node, reply);
      continue;
    }
    ODW_ASSIGN_OR_RETURN(const Tree tree, WriteTree(repository, index.get()));
    ODW_ASSIGN_OR_RETURN(
        head, WriteCommit(repository, *git_tree_id(tree.get()), {head, result},
                          "Merge node n" + std::to_string(node) + " of " + command.run_id()));
  }
  return head;
}

absl::Status Merge(git_repository* repository, const v1::RepositoryCommand& command,
                   v1::RepositoryReply* reply) {
  ODW_ASSIGN_OR_RETURN(const Commit head, HeadCommit(repository));
  ODW_ASSIGN_OR_RETURN(const Reference branch, FindHead(repository));
  ODW_ASSIGN_OR_RETURN(const git_oid merged,
                       MergeAll(repository, *git_commit_id(head.get()), command, reply));
  ODW_ASSIGN_OR_RETURN(const Commit commit, FindCommit(repository, merged));
  ODW_ASSIGN_OR_RETURN(const Tree from, TreeOf(head.get()));
  ODW_ASSIGN_OR_RETURN(const Tree to, TreeOf(commit.get()));
  ODW_ASSIGN_OR_RETURN(const std::vector<std::string> files,
                       ChangedFiles(repository, from.get(), to.get()));
  ODW_RETURN_IF_ERROR(RefuseDirty(repository, files, reply));
  if (reply->conflicts_size() == 0) RefuseUnseen(repository, from.get(), files, reply);
  if (reply->conflicts_size() > 0) return absl::OkStatus();
  if (git_oid_equal(&merged, git_commit_id(head.get()))) return absl::OkStatus();  // merged before
  ODW_RETURN_IF_ERROR(SwitchFiles(repository, from.get(), to.get(), files, WithIndex::kUpdate));
  // Refused where HEAD has moved since it was read: then the files go back.
  const absl::StatusOr<Reference> moved =
      Make<Reference>("moving " + std::string(git_reference_name(branch.get())),
                      git_reference_set_target, branch.get(), &merged, "odw: merge");
  if (!moved.ok()) {
    (void)SwitchFiles(repository, to.get(), from.get(), files, WithIndex::kUpdate);
    SwitchIsDone(repository);
    return moved.status();
  }
  SwitchIsDone(repository);
  for (const std::string& file : files) reply->add_applied_files(file);
  reply->set_commit(HexOf(merged));
  return absl::OkStatus();
}

absl::Status CarryInto(const v1::RepositoryCommand& command, v1::RepositoryReply* reply) {
  ODW_ASSIGN_OR_RETURN(const OpenRepository open, OpenAt(command.repository()));
  git_repository* repository = open.repository.get();
  if (command.kind() == v1::RepositoryCommand::DIFF) return Patch(repository, command, reply);
  const RepositoryLock lock(repository);
  ODW_RETURN_IF_ERROR(UndoHalfSwitch(repository));
  ODW_RETURN_IF_ERROR(RefuseUnderWay(repository));
  return command.kind() == v1::RepositoryCommand::APPLY ? Apply(repository, command, reply)
                                                        : Merge(repository, command, reply);
}

}  // namespace

v1::RepositoryReply Carry(const v1::RepositoryCommand& command) {
  v1::RepositoryReply reply;
  reply.set_id(command.id());
  const absl::Status status = CarryInto(command, &reply);
  reply.set_ok(status.ok() && reply.conflicts_size() == 0);
  if (!status.ok()) {
    reply.mutable_error()->set_category(absl::IsFailedPrecondition(status) ? v1::INVALID_REQUEST
                                                                           : v1::INTERNAL);
    reply.mutable_error()->set_message(MessageOf(status));
  }
  return reply;
}

}  // namespace odw::executors::worktree
