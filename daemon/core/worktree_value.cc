#include "daemon/core/worktree_value.h"

#include "daemon/base/canonical_json.h"

namespace odw::core {
namespace {

std::string MemberOf(const v1::Worktree& worktree) {
  std::string files;
  for (const std::string& file : worktree.files()) {
    files += (files.empty() ? "" : ",") + JsonQuote(file);
  }
  return std::string("\"worktree\":{\"changed\":") + (worktree.changed() ? "true" : "false") +
         ",\"files\":[" + files + "],\"diff\":" + JsonQuote(worktree.diff().inline_()) +
         ",\"ref\":" + JsonQuote(worktree.result_ref()) + "}";
}

}  // namespace

std::string WithWorktree(const std::string& value, ValueForm form, const v1::Worktree& worktree) {
  const std::string member = MemberOf(worktree);
  if (form == ValueForm::kText) return "{\"text\":" + JsonQuote(value) + "," + member + "}";
  constexpr char kSpace[] = " \t\r\n";
  const size_t first = value.find_first_not_of(kSpace);
  const size_t last = value.find_last_not_of(kSpace);
  if (first == std::string::npos || value[first] != '{') {
    return "{\"value\":" + value + "," + member + "}";
  }
  const std::string inside = value.substr(first + 1, last - first - 1);
  const bool empty = inside.find_first_not_of(kSpace) == std::string::npos;
  return "{" + (empty ? "" : inside + ",") + member + "}";
}

}  // namespace odw::core
