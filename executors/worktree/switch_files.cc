#include "executors/worktree/switch_files.h"

#include <unistd.h>

#include <filesystem>
#include <optional>
#include <sstream>

#include "daemon/base/fd.h"
#include "daemon/base/log.h"
#include "executors/worktree/patch.h"
#include "executors/worktree/repository.h"

namespace odw::executors::worktree {
namespace {

namespace fs = std::filesystem;

constexpr size_t kNoteBytesMax = 4096;
constexpr uint64_t kComparedBytesMax = uint64_t{1} << 30;
constexpr char kUpdate[] = "with-index";
constexpr char kLeave[] = "files-only";

std::string NoteOf(git_repository* repository) {
  return std::string(git_repository_path(repository)) + "odw-half-done";
}

int Checkout(git_repository* repository, git_tree* from, git_tree* to,
             const std::vector<std::string>& files, WithIndex with_index, unsigned strategy) {
  std::vector<char*> paths;
  for (const std::string& file : files) paths.push_back(const_cast<char*>(file.c_str()));
  git_checkout_options options = GIT_CHECKOUT_OPTIONS_INIT;
  options.checkout_strategy = strategy | GIT_CHECKOUT_DISABLE_PATHSPEC_MATCH |
                              GIT_CHECKOUT_DONT_OVERWRITE_IGNORED;
  if (with_index == WithIndex::kLeave) {
    options.checkout_strategy |= GIT_CHECKOUT_DONT_UPDATE_INDEX;
  }
  options.baseline = from;
  options.paths = {paths.data(), paths.size()};
  return git_checkout_tree(repository, reinterpret_cast<git_object*>(to), &options);
}

// The file's bytes in `tree` as a checkout writes them; nullopt: it has none there.
std::optional<std::string> ContentIn(git_repository* repository, git_tree* tree,
                                     const std::string& file) {
  git_tree_entry* raw = nullptr;
  if (git_tree_entry_bypath(&raw, tree, file.c_str()) < 0) return std::nullopt;
  const std::unique_ptr<git_tree_entry, Freed<git_tree_entry_free>> entry(raw);
  git_blob* blob = nullptr;
  if (git_blob_lookup(&blob, repository, git_tree_entry_id(entry.get())) < 0) return std::nullopt;
  const std::unique_ptr<git_blob, Freed<git_blob_free>> owned(blob);
  git_buf bytes = GIT_BUF_INIT;
  const bool link = git_tree_entry_filemode(entry.get()) == GIT_FILEMODE_LINK;
  if (link || git_blob_filter(&bytes, blob, file.c_str(), nullptr) < 0) {
    return std::string(static_cast<const char*>(git_blob_rawcontent(blob)),
                       static_cast<size_t>(git_blob_rawsize(blob)));
  }
  std::string content(bytes.ptr, bytes.size);
  git_buf_dispose(&bytes);
  return content;
}

// Whether what stands there now may be the dead process's: the new content, or a part of it.
bool IsOurs(git_repository* repository, git_tree* from, git_tree* to, const std::string& file) {
  const fs::path at = fs::path(git_repository_workdir(repository)) / file;
  std::error_code failed;
  const fs::file_status status = fs::symlink_status(at, failed);
  const std::optional<std::string> before = ContentIn(repository, from, file);
  if (!fs::exists(status)) return before.has_value();
  const std::optional<std::string> after = ContentIn(repository, to, file);
  std::string now;
  if (fs::is_symlink(status)) {
    now = fs::read_symlink(at, failed).string();
  } else {
    const absl::StatusOr<std::string> bytes = ReadFile(at.string(), kComparedBytesMax);
    if (!fs::is_regular_file(status) || !bytes.ok()) return false;
    now = *bytes;
  }
  return (after && after->compare(0, now.size(), now) == 0) || (before && now == *before);
}

absl::StatusOr<Tree> TreeNamed(git_repository* repository, const std::string& hex) {
  ODW_ASSIGN_OR_RETURN(const git_oid id, OidFromHex(hex));
  return Make<Tree>("a tree of an unfinished change", git_tree_lookup, repository, &id);
}

}  // namespace

absl::Status SwitchFiles(git_repository* repository, git_tree* from, git_tree* to,
                         const std::vector<std::string>& files, WithIndex with_index) {
  if (files.empty()) return absl::OkStatus();
  ODW_RETURN_IF_ERROR(WriteFileAtomically(
      NoteOf(repository), std::string(with_index == WithIndex::kUpdate ? kUpdate : kLeave) + " " +
                              HexOf(*git_tree_id(from)) + " " + HexOf(*git_tree_id(to)) + "\n"));
  const int code = Checkout(repository, from, to, files, with_index, GIT_CHECKOUT_SAFE);
  if (code >= 0) return absl::OkStatus();
  const absl::Status why = GitError(code, "writing the files");
  if (code != GIT_ECONFLICT) {
    // Part of them may be written (a full disk): back to what was there.
    Checkout(repository, to, from, files, with_index, GIT_CHECKOUT_FORCE);
  }
  SwitchIsDone(repository);
  return why;
}

void SwitchIsDone(git_repository* repository) { unlink(NoteOf(repository).c_str()); }

absl::Status UndoHalfSwitch(git_repository* repository) {
  const absl::StatusOr<std::string> note = ReadFile(NoteOf(repository), kNoteBytesMax);
  if (!note.ok()) return absl::OkStatus();
  std::istringstream words(*note);
  std::string kind, from_hex, to_hex;
  words >> kind >> from_hex >> to_hex;
  const WithIndex with_index = kind == kUpdate ? WithIndex::kUpdate : WithIndex::kLeave;
  ODW_ASSIGN_OR_RETURN(const Tree from, TreeNamed(repository, from_hex));
  ODW_ASSIGN_OR_RETURN(const Tree to, TreeNamed(repository, to_hex));
  if (with_index == WithIndex::kUpdate) {
    ODW_ASSIGN_OR_RETURN(const Commit head, HeadCommit(repository));
    if (git_oid_equal(git_commit_tree_id(head.get()), git_tree_id(to.get()))) {
      SwitchIsDone(repository);  // it died after its last step
      return absl::OkStatus();
    }
  }
  ODW_ASSIGN_OR_RETURN(std::vector<std::string> files,
                       ChangedFiles(repository, from.get(), to.get()));
  std::erase_if(files, [&](const std::string& file) {
    return !IsOurs(repository, from.get(), to.get(), file);
  });
  LogInfo("taking back an unfinished change of " + std::to_string(files.size()) + " files in " +
          git_repository_workdir(repository));
  if (!files.empty()) {
    const int code =
        Checkout(repository, to.get(), from.get(), files, with_index, GIT_CHECKOUT_FORCE);
    if (code < 0) return GitError(code, "taking back an unfinished change");
  }
  SwitchIsDone(repository);
  return absl::OkStatus();
}

}  // namespace odw::executors::worktree
