#include "executors/worktree/patch.h"

#include <set>

namespace odw::executors::worktree {
namespace {

struct Writer {
  std::string* patch;
  size_t bytes_max;
  bool full = false;
};

int OnLine(const git_diff_delta*, const git_diff_hunk*, const git_diff_line* line, void* payload) {
  auto* writer = static_cast<Writer*>(payload);
  const bool has_origin = line->origin == GIT_DIFF_LINE_CONTEXT ||
                          line->origin == GIT_DIFF_LINE_ADDITION ||
                          line->origin == GIT_DIFF_LINE_DELETION;
  if (writer->patch->size() + line->content_len + 1 > writer->bytes_max) {
    writer->full = true;
    return GIT_EUSER;
  }
  if (has_origin) writer->patch->push_back(line->origin);
  writer->patch->append(line->content, line->content_len);
  return 0;
}

absl::StatusOr<Diff> DiffOf(git_repository* repository, git_tree* from, git_tree* to) {
  git_diff_options options = GIT_DIFF_OPTIONS_INIT;
  options.flags = GIT_DIFF_SHOW_BINARY | GIT_DIFF_INCLUDE_TYPECHANGE;
  options.id_abbrev = GIT_OID_HEXSZ;
  return Make<Diff>("the diff", git_diff_tree_to_tree, repository, from, to,
                    static_cast<const git_diff_options*>(&options));
}

std::vector<std::string> NamesOf(const git_diff* diff) {
  std::set<std::string> names;
  for (size_t i = 0; i < git_diff_num_deltas(diff); ++i) {
    const git_diff_delta* delta = git_diff_get_delta(diff, i);
    if (delta->old_file.path != nullptr) names.insert(delta->old_file.path);
    if (delta->new_file.path != nullptr) names.insert(delta->new_file.path);
  }
  return {names.begin(), names.end()};
}

}  // namespace

absl::StatusOr<Change> DescribeChange(git_repository* repository, git_tree* from, git_tree* to,
                                      size_t patch_bytes_max) {
  ODW_ASSIGN_OR_RETURN(const Diff diff, DiffOf(repository, from, to));
  Change change{.files = NamesOf(diff.get())};
  Writer writer{.patch = &change.patch, .bytes_max = patch_bytes_max};
  const int code = git_diff_print(diff.get(), GIT_DIFF_FORMAT_PATCH, OnLine, &writer);
  if (writer.full) {
    change.cut = true;
    change.patch.clear();
  } else if (code < 0) {
    return GitError(code, "printing the diff");
  }
  return change;
}

absl::StatusOr<std::vector<std::string>> ChangedFiles(git_repository* repository, git_tree* from,
                                                      git_tree* to) {
  ODW_ASSIGN_OR_RETURN(const Diff diff, DiffOf(repository, from, to));
  return NamesOf(diff.get());
}

}  // namespace odw::executors::worktree
