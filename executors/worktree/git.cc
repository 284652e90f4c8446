#include "executors/worktree/git.h"

namespace odw::executors::worktree {

void InitGit() {
  static const int once = [] {
    const int count = git_libgit2_init();
    // A user's and the system's configuration stay in force (autocrlf, filemode, safe.directory).
    return count;
  }();
  (void)once;
}

absl::Status GitError(int code, const std::string& what) {
  const git_error* last = git_error_last();
  const std::string why = last != nullptr && last->message != nullptr
                              ? std::string(last->message)
                              : "libgit2 error " + std::to_string(code);
  const std::string text = what + ": " + why;
  switch (code) {
    case GIT_ENOTFOUND: return absl::NotFoundError(text);
    case GIT_EEXISTS: return absl::AlreadyExistsError(text);
    case GIT_ELOCKED: return absl::UnavailableError(text);
    case GIT_EOWNER: return absl::PermissionDeniedError(text);
    default: return absl::InternalError(text);
  }
}

std::string HexOf(const git_oid& id) {
  char text[GIT_OID_HEXSZ + 1];
  return git_oid_tostr(text, sizeof text, &id);
}

absl::StatusOr<git_oid> OidFromHex(const std::string& hex) {
  git_oid id;
  if (hex.size() != GIT_OID_HEXSZ || git_oid_fromstr(&id, hex.c_str()) < 0) {
    return absl::InvalidArgumentError("'" + hex + "' is not a commit id");
  }
  return id;
}

absl::StatusOr<Commit> FindCommit(git_repository* repository, const git_oid& id) {
  return Make<Commit>("commit " + HexOf(id), git_commit_lookup, repository, &id);
}

absl::StatusOr<Tree> TreeOf(const git_commit* commit) {
  return Make<Tree>("the tree of " + HexOf(*git_commit_id(commit)), git_commit_tree, commit);
}

absl::StatusOr<Signature> Author(git_repository* repository) {
  git_signature* raw = nullptr;
  if (git_signature_default(&raw, repository) == 0) return Signature(raw);
  return Make<Signature>("author", git_signature_now, "odw", "odw@localhost");
}

absl::StatusOr<git_oid> WriteCommit(git_repository* repository, const git_oid& tree_id,
                                    const std::vector<git_oid>& parent_ids,
                                    const std::string& message) {
  ODW_ASSIGN_OR_RETURN(const Signature author, Author(repository));
  ODW_ASSIGN_OR_RETURN(const Tree tree,
                       Make<Tree>("a new tree", git_tree_lookup, repository, &tree_id));
  std::vector<Commit> parents;
  std::vector<const git_commit*> raw;
  for (const git_oid& id : parent_ids) {
    ODW_ASSIGN_OR_RETURN(Commit parent, FindCommit(repository, id));
    raw.push_back(parent.get());
    parents.push_back(std::move(parent));
  }
  git_oid made;
  const int code =
      git_commit_create(&made, repository, nullptr, author.get(), author.get(), nullptr,
                        message.c_str(), tree.get(), raw.size(), raw.data());
  if (code < 0) return GitError(code, "a new commit");
  return made;
}

}  // namespace odw::executors::worktree
