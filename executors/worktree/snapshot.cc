#include "executors/worktree/snapshot.h"

#include <filesystem>
#include <set>

namespace odw::executors::worktree {
namespace {

namespace fs = std::filesystem;

constexpr size_t kLeftOutMax = 100;

// A nested repository is no content to git: it would become a link to a commit that exists nowhere
// else. `path` is relative to the top, with a slash at its end for such folders.
bool HoldsRepository(const std::string& top, const std::string& path) {
  std::error_code ignored;
  const fs::path at = fs::path(top) / path;
  return !fs::is_symlink(at, ignored) && fs::exists(at / ".git", ignored);
}

struct Collect {
  git_repository* repository;
  std::string top;
  std::set<std::string> sparse;  // a sparse checkout left these out: no deletions
  std::set<std::string> nested;
};

// Of git_index_add_all: 0 takes the path, 1 passes it over.
int OnPath(const char* path, const char*, void* payload) {
  auto* collect = static_cast<Collect*>(payload);
  std::string name = path;
  while (!name.empty() && name.back() == '/') name.pop_back();
  if (collect->sparse.contains(name)) return 1;
  if (HoldsRepository(collect->top, name)) {
    collect->nested.insert(name);
    return 1;
  }
  return 0;
}

// Submodules of the base are empty folders in a linked work tree unless the node filled them.
void DropUnchangedSubmodules(git_repository* repository, std::set<std::string>* nested) {
  for (auto path = nested->begin(); path != nested->end();) {
    unsigned status = 0;
    const bool known =
        git_submodule_status(&status, repository, path->c_str(), GIT_SUBMODULE_IGNORE_NONE) == 0;
    path = known && !GIT_SUBMODULE_STATUS_IS_WD_DIRTY(status) &&
                   (status & GIT_SUBMODULE_STATUS_WD_MODIFIED) == 0
               ? nested->erase(path)
               : std::next(path);
  }
}

// Git can be told not to look at a file: what the node did to it counts all the same.
absl::Status ForgetWhatIsOverlooked(git_index* index, Collect* collect) {
  std::vector<git_index_entry> looked_at;
  std::set<std::string> names;  // an entry's own name goes with it
  for (size_t i = 0; i < git_index_entrycount(index); ++i) {
    git_index_entry entry = *git_index_get_byindex(index, i);
    const bool sparse = (entry.flags_extended & GIT_INDEX_ENTRY_SKIP_WORKTREE) != 0;
    if (!sparse && (entry.flags & GIT_INDEX_ENTRY_VALID) == 0) continue;
    std::error_code failed;
    if (sparse && !fs::exists(fs::symlink_status(fs::path(collect->top) / entry.path, failed))) {
      collect->sparse.insert(entry.path);
      continue;
    }
    entry.flags &= static_cast<uint16_t>(~GIT_INDEX_ENTRY_VALID);
    entry.flags_extended &= static_cast<uint16_t>(~GIT_INDEX_ENTRY_SKIP_WORKTREE);
    entry.path = names.insert(entry.path).first->c_str();
    looked_at.push_back(entry);
  }
  for (const git_index_entry& entry : looked_at) {
    const int code = git_index_add(index, &entry);
    if (code < 0) return GitError(code, "looking at " + std::string(entry.path));
  }
  return absl::OkStatus();
}

// Why a path that the call names cannot be one of the work tree's own files; empty: it can. Through
// a link it would be a file of somebody else's.
std::string WhyNotOwn(const std::string& top, const std::string& path) {
  if (path.empty() || path[0] == '/') return "not a path relative to the repository's top";
  fs::path at = top;
  const fs::path relative(path);
  for (auto part = relative.begin(); part != relative.end(); ++part) {
    if (*part == ".." || *part == ".git") return "it leads out of the work tree";
    std::error_code failed;
    at /= *part;
    if (std::next(part) != relative.end() && fs::is_symlink(at, failed))
      return "it leads through a symbolic link";
  }
  return "";
}

void AddFile(git_index* index, const std::string& path, Snapshot* snapshot) {
  const int code = git_index_add_bypath(index, path.c_str());
  if (code < 0) snapshot->left_out.push_back(MessageOf(GitError(code, "the ignored file " + path)));
}

// Walked here: libgit2 does not look into a folder that is ignored itself.
void AddIgnored(git_index* index, const std::vector<std::string>& paths, Collect* collect,
                Snapshot* snapshot) {
  for (const std::string& path : paths) {
    if (const std::string why = WhyNotOwn(collect->top, path); !why.empty()) {
      snapshot->refused.push_back("keepIgnored '" + path + "' is passed over: " + why);
      continue;
    }
    const fs::path at = fs::path(collect->top) / path;
    std::error_code failed;
    if (!fs::is_directory(fs::symlink_status(at, failed))) {
      if (fs::exists(fs::symlink_status(at, failed))) AddFile(index, path, snapshot);
      continue;
    }
    fs::recursive_directory_iterator entry(at, failed), end;
    for (; entry != end; entry.increment(failed)) {
      const std::string name = entry->path().lexically_relative(collect->top).string();
      if (entry->is_directory(failed) && !entry->is_symlink(failed)) {
        if (!HoldsRepository(collect->top, name)) continue;
        collect->nested.insert(name);
        entry.disable_recursion_pending();
      } else if (entry->is_regular_file(failed) || entry->is_symlink(failed)) {
        AddFile(index, name, snapshot);
      }
    }
  }
}

// Whether the change from `head` to `staged` holds content that `files` does not.
absl::StatusOr<bool> HoldsMore(git_repository* repository, git_tree* head, git_tree* staged,
                               git_tree* files) {
  ODW_ASSIGN_OR_RETURN(const Diff diff, Make<Diff>("the staged changes", git_diff_tree_to_tree,
                                                   repository, head, staged, nullptr));
  for (size_t i = 0; i < git_diff_num_deltas(diff.get()); ++i) {
    const git_diff_file& now = git_diff_get_delta(diff.get(), i)->new_file;
    if (git_oid_is_zero(&now.id)) continue;  // a deletion holds nothing
    git_tree_entry* raw = nullptr;
    if (git_tree_entry_bypath(&raw, files, now.path) < 0) return true;
    const std::unique_ptr<git_tree_entry, Freed<git_tree_entry_free>> entry(raw);
    if (!git_oid_equal(git_tree_entry_id(entry.get()), &now.id)) return true;
  }
  return false;
}

}  // namespace

absl::StatusOr<Snapshot> TakeSnapshot(git_repository* repository, const SnapshotOptions& options) {
  ODW_ASSIGN_OR_RETURN(const Index index,
                       Make<Index>("the index", git_repository_index, repository));
  // As on disk, not as this process last read it; never written back.
  if (const int code = git_index_read(index.get(), 1); code < 0) return GitError(code, "the index");
  git_index_conflict_cleanup(index.get());
  Collect collect{.repository = repository, .top = git_repository_workdir(repository)};
  ODW_RETURN_IF_ERROR(ForgetWhatIsOverlooked(index.get(), &collect));
  char everything[] = "*";
  char* spec[] = {everything};
  const git_strarray all{spec, 1};
  int code = git_index_add_all(index.get(), &all, GIT_INDEX_ADD_DEFAULT, OnPath, &collect);
  if (code < 0) return GitError(code, "taking the files of " + collect.top);
  code = git_index_update_all(index.get(), &all, OnPath, &collect);
  if (code < 0) return GitError(code, "taking the deletions of " + collect.top);
  Snapshot snapshot;
  AddIgnored(index.get(), options.keep_ignored, &collect, &snapshot);
  code = git_index_write_tree_to(&snapshot.tree, index.get(), repository);
  if (code < 0) return GitError(code, "writing the tree of " + collect.top);
  DropUnchangedSubmodules(repository, &collect.nested);
  for (const std::string& path : collect.nested) {
    if (snapshot.left_out.size() >= kLeftOutMax) break;
    snapshot.left_out.push_back("a repository of its own at " + path);
  }
  return snapshot;
}

absl::StatusOr<std::optional<git_oid>> StagedTree(git_repository* repository,
                                                  git_tree* head, git_tree* files) {
  ODW_ASSIGN_OR_RETURN(const Index index,
                       Make<Index>("the index", git_repository_index, repository));
  if (const int code = git_index_read(index.get(), 1); code < 0) return GitError(code, "the index");
  if (git_index_has_conflicts(index.get())) return std::nullopt;
  git_oid tree;
  const int code = git_index_write_tree_to(&tree, index.get(), repository);
  if (code < 0) return GitError(code, "writing the staged tree");
  ODW_ASSIGN_OR_RETURN(const Tree staged, Make<Tree>("the staged tree", git_tree_lookup, repository,
                                                     static_cast<const git_oid*>(&tree)));
  ODW_ASSIGN_OR_RETURN(const bool more, HoldsMore(repository, head, staged.get(), files));
  return more ? std::optional<git_oid>(tree) : std::nullopt;
}

}  // namespace odw::executors::worktree
