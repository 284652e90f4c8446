// The live tree as lines of text: a header, then phases with the nodes that are worth a line
// (running, failed, waiting, last done), cut to what the terminal shows. A pure function, so tests
// read it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/output/run_tree.h"

namespace odw::client {

enum class Colour { kNo, kYes };
enum class Symbols { kAscii, kUnicode };

struct ViewOptions {
  int columns = 80;
  int rows = 24;
  Colour colour = Colour::kNo;
  Symbols symbols = Symbols::kUnicode;
  int64_t now_unix_ms = 0;
};

// At most `rows` lines, none wider than `columns`.
std::vector<std::string> ViewTree(const RunTree& tree, const ViewOptions& options);

// The glyph (or ASCII letter) of a state: "✓", "●", "✗".
std::string StateSymbol(v1::NodeState state, Symbols symbols);

}  // namespace odw::client
