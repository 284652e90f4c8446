#include "executors/worktree/linked_tree.h"

#include <filesystem>
#include <fstream>

#include "executors/worktree/patch.h"
#include "executors/worktree/repository.h"
#include "executors/worktree/snapshot.h"

namespace odw::executors::worktree {
namespace {

namespace fs = std::filesystem;

constexpr size_t kDirtyNamed = 5;
constexpr int kFilesNamedMax = 1000;

absl::StatusOr<git_oid> ResolveBase(git_repository* repository, const TreeRequest& request) {
  if (request.base_commit.empty()) {
    ODW_ASSIGN_OR_RETURN(const Commit head, HeadCommit(repository));
    return *git_commit_id(head.get());
  }
  ODW_ASSIGN_OR_RETURN(const git_oid id, OidFromHex(request.base_commit));
  if (!FindCommit(repository, id).ok()) {
    return absl::FailedPreconditionError(
        "the base commit " + request.base_commit + " is not in the repository of " +
        request.folder + " here: fetch it, or resume with --rebase");
  }
  return id;
}

// Uncommitted edits: carried into the base, or named.
absl::Status TreatDirty(git_repository* repository, const TreeRequest& request, git_oid* base,
                        std::vector<std::string>* notes) {
  ODW_ASSIGN_OR_RETURN(const DirtyPaths dirty, FindDirty(repository, kDirtyNamed));
  if (dirty.total == 0) return absl::OkStatus();
  if (request.dirty == TreeRequest::Dirty::kLeave) {
    notes->push_back("uncommitted edits are not in the work tree (--include-dirty carries them): " +
                     NameSome(dirty));
    return absl::OkStatus();
  }
  ODW_ASSIGN_OR_RETURN(const Snapshot snapshot, TakeSnapshot(repository, {}));
  ODW_ASSIGN_OR_RETURN(*base, WriteCommit(repository, snapshot.tree, {*base},
                                          "uncommitted edits at the start of the node"));
  for (const std::string& what : snapshot.left_out) notes->push_back("not carried: " + what);
  return absl::OkStatus();
}

int CountSubmodule(git_submodule*, const char*, void* payload) {
  ++*static_cast<size_t*>(payload);
  return 0;
}

absl::Status FillTree(const std::string& path) {
  ODW_ASSIGN_OR_RETURN(const Repository own,
                       Make<Repository>("the work tree " + path, git_repository_open, path.c_str()));
  git_checkout_options options = GIT_CHECKOUT_OPTIONS_INIT;
  options.checkout_strategy = GIT_CHECKOUT_FORCE;
  const int code = git_checkout_head(own.get(), &options);
  return code < 0 ? GitError(code, "filling the work tree " + path) : absl::OkStatus();
}

std::string BranchOf(const std::string& name) { return "refs/heads/odw-tmp/" + name; }

// The registration. The branch is libgit2's need alone and goes at once.
absl::Status AddLinkedTree(git_repository* repository, const TreeRequest& request,
                           const git_oid& start) {
  ODW_ASSIGN_OR_RETURN(const Commit commit, FindCommit(repository, start));
  const RepositoryLock lock(repository);
  const std::string branch = BranchOf(request.name);
  ODW_ASSIGN_OR_RETURN(const Reference reference,
                       Make<Reference>("a branch for the work tree", git_reference_create,
                                       repository, branch.c_str(), &start, 1, "odw: work tree"));
  git_worktree_add_options options = GIT_WORKTREE_ADD_OPTIONS_INIT;
  options.ref = reference.get();
  options.checkout_options.checkout_strategy = GIT_CHECKOUT_NONE;
  absl::StatusOr<LinkedTree> tree = Make<LinkedTree>(
      "the work tree " + request.path, git_worktree_add, repository, request.name.c_str(),
      request.path.c_str(), static_cast<const git_worktree_add_options*>(&options));
  absl::Status status = tree.status();
  if (status.ok()) {
    absl::StatusOr<Repository> own =
        Make<Repository>("the work tree " + request.path, git_repository_open, request.path.c_str());
    status = own.status();
    if (own.ok()) {
      const int code = git_repository_set_head_detached(own->get(), &start);
      if (code < 0) status = GitError(code, "the work tree's HEAD");
    }
  }
  git_reference_delete(reference.get());
  return status;
}

void Discard(git_repository* repository, const std::string& name) {
  const RepositoryLock lock(repository);
  git_worktree* raw = nullptr;
  if (git_worktree_lookup(&raw, repository, name.c_str()) < 0) return;
  const LinkedTree tree(raw);
  git_worktree_prune_options options = GIT_WORKTREE_PRUNE_OPTIONS_INIT;
  options.flags =
      GIT_WORKTREE_PRUNE_VALID | GIT_WORKTREE_PRUNE_LOCKED | GIT_WORKTREE_PRUNE_WORKING_TREE;
  git_worktree_prune(tree.get(), &options);
}

// A node may delete the `.git` file of its tree, or all of the folder: what it had written or
// committed is still to be captured.
absl::StatusOr<Repository> OpenTree(const LinkedTreeInfo& tree) {
  const fs::path link = fs::path(tree.path) / ".git";
  std::error_code failed;
  if (!fs::exists(link, failed)) {
    ODW_ASSIGN_OR_RETURN(const OpenRepository main, OpenAt(tree.repository));
    fs::create_directories(tree.path, failed);
    std::ofstream(link) << "gitdir: " << git_repository_commondir(main.repository.get())
                        << "worktrees/" << tree.name << "\n";
  }
  if (fs::is_directory(link, failed)) {
    return absl::FailedPreconditionError("a repository of its own was made at " + tree.path);
  }
  return Make<Repository>("the work tree " + tree.path, git_repository_open, tree.path.c_str());
}

enum class Folder { kThere, kGone };

// The files as they are. Those of a folder that is gone are as they were committed last: nobody can
// tell whether the node meant to delete them.
absl::StatusOr<git_oid> FilesOf(git_repository* repository, const git_oid& head, Folder folder,
                                const CaptureRequest& request, v1::Worktree* out) {
  if (folder == Folder::kGone) {
    out->add_notes("the node removed its own folder: only what it had committed is kept");
    ODW_ASSIGN_OR_RETURN(const Commit commit, FindCommit(repository, head));
    return *git_commit_tree_id(commit.get());
  }
  ODW_ASSIGN_OR_RETURN(const Snapshot snapshot,
                       TakeSnapshot(repository, {.keep_ignored = request.keep_ignored}));
  for (const std::string& what : snapshot.refused) out->add_notes(what);
  for (const std::string& what : snapshot.left_out) {
    out->set_kept_path(request.tree.path);
    out->add_notes("not captured, so the folder is kept: " + what);
  }
  return snapshot.tree;
}

// HEAD as the node left it; the base where it left none (an orphan branch).
absl::StatusOr<git_oid> HeadOrBase(git_repository* repository, const LinkedTreeInfo& tree) {
  git_oid id;
  if (git_reference_name_to_id(&id, repository, "HEAD") == 0) return id;
  return OidFromHex(tree.base_commit);
}

// On top of `head`: staged content that no file holds any more, then the files.
absl::StatusOr<git_oid> CommitRest(git_repository* repository, git_oid head, const git_oid& files,
                                   const std::string& message) {
  ODW_ASSIGN_OR_RETURN(const Commit commit, FindCommit(repository, head));
  ODW_ASSIGN_OR_RETURN(const Tree head_tree, TreeOf(commit.get()));
  ODW_ASSIGN_OR_RETURN(const Tree files_tree,
                       Make<Tree>("the files", git_tree_lookup, repository, &files));
  git_oid tree = *git_tree_id(head_tree.get());
  ODW_ASSIGN_OR_RETURN(const std::optional<git_oid> staged,
                       StagedTree(repository, head_tree.get(), files_tree.get()));
  if (staged) {
    ODW_ASSIGN_OR_RETURN(head, WriteCommit(repository, *staged, {head}, message + " (staged)"));
    tree = *staged;
  }
  if (git_oid_equal(&tree, &files)) return head;
  return WriteCommit(repository, files, {head}, message);
}

absl::Status PointAt(git_repository* repository, const std::string& name, const git_oid& id) {
  if (name.empty()) return absl::OkStatus();
  ODW_ASSIGN_OR_RETURN(const Reference made,
                       Make<Reference>("the ref " + name, git_reference_create, repository,
                                       name.c_str(), &id, 1, "odw: result"));
  return absl::OkStatus();
}

absl::Status Describe(git_repository* repository, const git_oid& base, const git_oid& result,
                      size_t diff_bytes_max, v1::Worktree* out) {
  ODW_ASSIGN_OR_RETURN(const Commit from, FindCommit(repository, base));
  ODW_ASSIGN_OR_RETURN(const Commit to, FindCommit(repository, result));
  ODW_ASSIGN_OR_RETURN(const Tree from_tree, TreeOf(from.get()));
  ODW_ASSIGN_OR_RETURN(const Tree to_tree, TreeOf(to.get()));
  ODW_ASSIGN_OR_RETURN(Change change, DescribeChange(repository, from_tree.get(), to_tree.get(),
                                                     diff_bytes_max));
  out->set_files_changed(static_cast<uint32_t>(change.files.size()));
  for (std::string& file : change.files) {
    if (out->files_size() < kFilesNamedMax) out->add_files(std::move(file));
  }
  out->set_diff_cut(change.cut);
  out->mutable_diff()->set_size(change.patch.size());
  out->mutable_diff()->set_inline_(std::move(change.patch));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LinkedTreeInfo> MakeTree(const TreeRequest& request) {
  ODW_ASSIGN_OR_RETURN(const OpenRepository open, OpenAt(request.folder));
  git_repository* repository = open.repository.get();
  ODW_ASSIGN_OR_RETURN(git_oid base, ResolveBase(repository, request));
  LinkedTreeInfo info{.repository = open.top, .path = request.path, .name = request.name};
  if (const std::string what = OperationUnderWay(repository); !what.empty()) {
    info.notes.push_back("the repository is " + what + ": the base is its HEAD");
  }
  ODW_RETURN_IF_ERROR(TreatDirty(repository, request, &base, &info.notes));
  info.base_commit = HexOf(base);
  git_oid start = base;
  for (const std::string& ref : request.start_refs) {
    if (git_reference_name_to_id(&start, repository, ref.c_str()) == 0) break;
    start = base;
  }
  std::error_code failed;
  fs::create_directories(fs::path(request.path).parent_path(), failed);
  absl::Status made = AddLinkedTree(repository, request, start);
  if (made.ok()) made = FillTree(request.path);
  if (!made.ok()) {
    Discard(repository, request.name);
    return made;
  }
  size_t submodules = 0;
  git_submodule_foreach(repository, CountSubmodule, &submodules);
  if (submodules > 0) {
    info.notes.push_back(std::to_string(submodules) +
                         " submodules are empty folders in the work tree");
  }
  const fs::path inside = fs::relative(request.folder, open.top, failed);
  info.cwd = failed || inside == "." ? request.path : (fs::path(request.path) / inside).string();
  fs::create_directories(info.cwd, failed);
  return info;
}

absl::StatusOr<v1::Worktree> Capture(const CaptureRequest& request) {
  InitGit();
  v1::Worktree out;
  out.set_repository(request.tree.repository);
  out.set_base_commit(request.tree.base_commit);
  for (const std::string& note : request.tree.notes) out.add_notes(note);
  std::error_code failed;
  const Folder folder =
      fs::exists(request.tree.path, failed) ? Folder::kThere : Folder::kGone;
  ODW_ASSIGN_OR_RETURN(const Repository repository, OpenTree(request.tree));
  ODW_ASSIGN_OR_RETURN(const git_oid base, OidFromHex(request.tree.base_commit));
  ODW_ASSIGN_OR_RETURN(const git_oid head, HeadOrBase(repository.get(), request.tree));
  if (const std::string what = OperationUnderWay(repository.get()); !what.empty()) {
    out.add_notes("the node left its work tree " + what);
  }
  ODW_ASSIGN_OR_RETURN(const git_oid files,
                       FilesOf(repository.get(), head, folder, request, &out));
  ODW_ASSIGN_OR_RETURN(const git_oid result,
                       CommitRest(repository.get(), head, files, request.message));
  out.set_result_commit(HexOf(result));
  out.set_result_ref(request.ref);
  out.set_changed(!git_oid_equal(&base, &result));
  ODW_RETURN_IF_ERROR(PointAt(repository.get(), request.ref, result));
  ODW_RETURN_IF_ERROR(PointAt(repository.get(), request.result_ref, result));
  ODW_RETURN_IF_ERROR(Describe(repository.get(), base, result, request.diff_bytes_max, &out));
  return out;
}

// Also where a death in the middle of making or removing it has left parts only.
absl::Status RemoveTree(const LinkedTreeInfo& tree) {
  ODW_ASSIGN_OR_RETURN(const OpenRepository main, OpenAt(tree.repository));
  git_repository* repository = main.repository.get();
  const RepositoryLock lock(repository);
  git_worktree* raw = nullptr;
  if (git_worktree_lookup(&raw, repository, tree.name.c_str()) == 0) {
    const LinkedTree linked(raw);
    git_worktree_prune_options options = GIT_WORKTREE_PRUNE_OPTIONS_INIT;
    options.flags =
        GIT_WORKTREE_PRUNE_VALID | GIT_WORKTREE_PRUNE_LOCKED | GIT_WORKTREE_PRUNE_WORKING_TREE;
    const int code = git_worktree_prune(linked.get(), &options);
    if (code < 0) return GitError(code, "removing the work tree " + tree.path);
  }
  git_reference* branch = nullptr;
  if (git_reference_lookup(&branch, repository, BranchOf(tree.name).c_str()) == 0) {
    const Reference owned(branch);
    git_reference_delete(branch);
  }
  std::error_code failed;
  const fs::path common = git_repository_commondir(repository);
  for (const fs::path& left : {common / "worktrees" / tree.name, fs::path(tree.path)}) {
    fs::remove_all(left, failed);
    if (failed) return absl::InternalError("removing " + left.string() + ": " + failed.message());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> HeadOf(const std::string& folder) {
  ODW_ASSIGN_OR_RETURN(const OpenRepository open, OpenAt(folder));
  ODW_ASSIGN_OR_RETURN(const Commit head, HeadCommit(open.repository.get()));
  return HexOf(*git_commit_id(head.get()));
}

}  // namespace odw::executors::worktree
