#include "executors/worktree/repository.h"

#include <fcntl.h>
#include <sys/file.h>

namespace odw::executors::worktree {

absl::StatusOr<OpenRepository> OpenAt(const std::string& folder) {
  InitGit();
  git_repository* raw = nullptr;
  const int code = git_repository_open_ext(&raw, folder.c_str(), 0, nullptr);
  if (code == GIT_ENOTFOUND) {
    return absl::FailedPreconditionError(
        folder + " is in no git repository: run `git init` there and commit, give the run another "
                 "folder (--cwd), or leave out isolation: 'worktree'");
  }
  if (code == GIT_EOWNER) {
    return absl::FailedPreconditionError(
        "the repository of " + folder +
        " belongs to another user: start the executor as its owner, or add it to git's "
        "safe.directory");
  }
  if (code < 0) {
    return absl::FailedPreconditionError(
        MessageOf(GitError(code, "the repository of " + folder + " cannot be opened")) +
        ". Partial clones and unknown extensions are not supported: use a full clone");
  }
  OpenRepository open{.repository = Repository(raw)};
  if (git_repository_is_bare(raw) || git_repository_workdir(raw) == nullptr) {
    return absl::FailedPreconditionError(
        folder + " is a bare repository: clone it and give the run the clone's folder");
  }
  open.top = git_repository_workdir(raw);
  return open;
}

RepositoryLock::RepositoryLock(git_repository* repository)
    : fd_(open((std::string(git_repository_commondir(repository)) + "odw-worktrees.lock").c_str(),
               O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
  if (fd_.valid()) flock(fd_.get(), LOCK_EX);
}

absl::StatusOr<Commit> HeadCommit(git_repository* repository) {
  git_oid id;
  const int code = git_reference_name_to_id(&id, repository, "HEAD");
  if (code < 0) {
    return absl::FailedPreconditionError(
        std::string(git_repository_workdir(repository)) +
        " has no commit yet: commit something first, a work tree needs a base");
  }
  return FindCommit(repository, id);
}

std::string OperationUnderWay(git_repository* repository) {
  switch (git_repository_state(repository)) {
    case GIT_REPOSITORY_STATE_NONE: return "";
    case GIT_REPOSITORY_STATE_MERGE: return "in the middle of a merge";
    case GIT_REPOSITORY_STATE_REVERT:
    case GIT_REPOSITORY_STATE_REVERT_SEQUENCE: return "in the middle of a revert";
    case GIT_REPOSITORY_STATE_CHERRYPICK:
    case GIT_REPOSITORY_STATE_CHERRYPICK_SEQUENCE: return "in the middle of a cherry-pick";
    case GIT_REPOSITORY_STATE_BISECT: return "in the middle of a bisect";
    case GIT_REPOSITORY_STATE_APPLY_MAILBOX:
    case GIT_REPOSITORY_STATE_APPLY_MAILBOX_OR_REBASE: return "in the middle of `git am`";
    default: return "in the middle of a rebase";
  }
}

absl::StatusOr<DirtyPaths> FindDirty(git_repository* repository, size_t paths_max) {
  git_status_options options = GIT_STATUS_OPTIONS_INIT;
  options.show = GIT_STATUS_SHOW_INDEX_AND_WORKDIR;
  options.flags = GIT_STATUS_OPT_INCLUDE_UNTRACKED | GIT_STATUS_OPT_RECURSE_UNTRACKED_DIRS |
                  GIT_STATUS_OPT_EXCLUDE_SUBMODULES;
  ODW_ASSIGN_OR_RETURN(const StatusList list,
                       Make<StatusList>("the state of the work tree", git_status_list_new,
                                        repository, static_cast<const git_status_options*>(&options)));
  DirtyPaths dirty;
  for (size_t i = 0; i < git_status_list_entrycount(list.get()); ++i) {
    const git_status_entry* entry = git_status_byindex(list.get(), i);
    if (entry->status == GIT_STATUS_CURRENT || (entry->status & GIT_STATUS_IGNORED) != 0) continue;
    const git_diff_delta* delta =
        entry->index_to_workdir != nullptr ? entry->index_to_workdir : entry->head_to_index;
    ++dirty.total;
    if (dirty.paths.size() < paths_max) dirty.paths.push_back(delta->new_file.path);
  }
  return dirty;
}

std::string NameSome(const DirtyPaths& dirty) {
  std::string text;
  for (const std::string& path : dirty.paths) text += (text.empty() ? "" : ", ") + path;
  if (dirty.total > dirty.paths.size()) {
    text += " and " + std::to_string(dirty.total - dirty.paths.size()) + " more";
  }
  return text;
}

}  // namespace odw::executors::worktree
