// The block between two lines of `---` at the head of a Markdown file, as agent files have it: a lenient
// subset of YAML, for such files often hold colons and quotes that strict YAML refuses. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "daemon/base/status.h"

namespace odw::registry {

struct FrontMatter {
  // Top-level keys. A list (`[a, b]`, `- a` lines) is its items; anything else one item.
  std::map<std::string, std::vector<std::string>> fields;
  std::string body;  // what stands under it, without blank lines around

  // The field as one text; empty when it is missing.
  std::string Text(const std::string& key) const;
};

// InvalidArgument, with the line: no front matter, one that does not end, a line that is none.
absl::StatusOr<FrontMatter> ParseFrontMatter(const std::string& text);

}  // namespace odw::registry
