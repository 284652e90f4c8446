#include "client/output/tree_view.h"

#include <algorithm>

#include "client/output/text.h"

namespace odw::client {
namespace {

constexpr int64_t kEstimateMillisMin = 1000;
constexpr int kWhyColumns = 40;
constexpr int kHeaderRows = 2;  // the summary and a blank line's worth of log

struct Style {
  const char* on;
};
constexpr Style kBold{"\033[1m"}, kDim{"\033[2m"}, kRed{"\033[31m"}, kGreen{"\033[32m"},
    kYellow{"\033[33m"}, kCyan{"\033[36m"};

std::string Styled(const std::string& text, Style style, const ViewOptions& options) {
  if (options.colour == Colour::kNo || text.empty()) return text;
  return style.on + text + "\033[0m";
}

Style StyleOf(v1::NodeState state) {
  switch (state) {
    case v1::NODE_RUNNING:
      return kCyan;
    case v1::NODE_DONE:
    case v1::NODE_CACHED:
      return kGreen;
    case v1::NODE_FAILED:
    case v1::NODE_CANCELLED:
      return kRed;
    case v1::NODE_BLOCKED:
    case v1::NODE_BACKOFF:
      return kYellow;
    default:
      return kDim;
  }
}

// What deserves one of the few lines: lower first.
int Rank(v1::NodeState state) {
  switch (state) {
    case v1::NODE_RUNNING:
      return 0;
    case v1::NODE_FAILED:
      return 1;
    case v1::NODE_BLOCKED:
    case v1::NODE_BACKOFF:
      return 2;
    case v1::NODE_QUEUED:
      return 4;
    default:
      return 3;
  }
}

std::string Separator(const ViewOptions& options) {
  return options.symbols == Symbols::kUnicode ? " · " : " | ";
}

std::string Header(const RunTree& tree, const ViewOptions& options) {
  const std::string sep = Separator(options);
  const TreeCounts& counts = tree.counts();
  const int64_t until = tree.ended() ? tree.ended_unix_ms() : options.now_unix_ms;
  std::string state = StateName(tree.state());
  if (!tree.state_why().empty()) state += " (" + Fit(tree.state_why(), kWhyColumns) + ")";
  if (tree.health() == v1::DEGRADED) state += sep + "degraded";
  std::string rest;
  if (tree.started_unix_ms() != 0) rest += sep + FormatMillis(until - tree.started_unix_ms());
  rest += sep + std::to_string(counts.done + counts.failed) + "/" + std::to_string(counts.total) +
          " nodes";
  if (counts.running > 0) rest += sep + std::to_string(counts.running) + " running";
  if (counts.failed > 0) rest += sep + std::to_string(counts.failed) + " failed";
  if (counts.skipped > 0) rest += sep + std::to_string(counts.skipped) + " skipped";
  if (counts.cached > 0) rest += sep + std::to_string(counts.cached) + " reused";
  rest += sep + FormatCount(counts.tokens) + " tokens";
  for (const auto& [currency, micros] : tree.costs()) rest += sep + FormatMoney(micros, currency);
  const int64_t left_ms = tree.RemainingMillis(options.now_unix_ms);
  if (left_ms >= kEstimateMillisMin) rest += sep + "about " + FormatMillis(left_ms) + " to go";
  const std::string name = tree.name().empty() ? "run" : tree.name();
  const std::string text = Fit(name + sep + state + rest, options.columns);
  if (text.rfind(name, 0) != 0) return text;
  return Styled(name, kBold, options) + text.substr(name.size());
}

std::string PhaseLine(const TreePhase& phase, const ViewOptions& options) {
  const std::string sep = Separator(options);
  const TreeCounts& counts = phase.counts;
  std::string text = phase.title.empty() ? "(no phase)" : phase.title;
  if (counts.total == 0) return Styled(Fit(text, options.columns), kDim, options);
  text += "  " + std::to_string(counts.done + counts.failed) + "/" + std::to_string(counts.total);
  if (counts.running > 0) text += sep + std::to_string(counts.running) + " running";
  if (counts.failed > 0) text += sep + std::to_string(counts.failed) + " failed";
  if (counts.cached > 0) text += sep + std::to_string(counts.cached) + " reused";
  if (counts.tokens > 0) text += sep + FormatCount(counts.tokens) + " tokens";
  return Styled(Fit(text, options.columns), kBold, options);
}

std::string NodeLine(const TreeNode& node, const ViewOptions& options) {
  std::string right;
  if (node.tokens > 0) right += "  " + FormatCount(node.tokens) + " tok";
  if (node.started_unix_ms != 0) {
    const int64_t until = node.ended_unix_ms != 0 ? node.ended_unix_ms : options.now_unix_ms;
    right += "  " + FormatMillis(until - node.started_unix_ms);
  }
  std::string left = "n" + std::to_string(node.ordinal) + " " + node.label;
  const std::string& what = node.model.empty() ? node.runtime : node.model;
  if (!what.empty()) left += " (" + what + ")";
  if (node.attempt > 1) left += " attempt " + std::to_string(node.attempt);
  if (node.state == v1::NODE_CACHED) left += "  reused";
  if (node.state == v1::NODE_RUNNING && !node.note.empty()) left += "  " + node.note;
  if (node.state != v1::NODE_DONE && !node.error.empty()) left += "  " + node.error;
  constexpr int kIndent = 4;  // two spaces, the symbol, a space
  const int room = options.columns - kIndent - DisplayWidth(right);
  if (room < 8) {
    right.clear();
    left = Fit(left, options.columns - kIndent);
  } else {
    left = right.empty() ? Fit(left, room) : Pad(left, room);
  }
  return "  " + Styled(StateSymbol(node.state, options.symbols), StyleOf(node.state), options) +
         " " + left + Styled(right, kDim, options);
}

// The nodes of all phases that get a line, best first, at most `room`.
std::vector<uint64_t> Choose(const RunTree& tree, size_t room) {
  std::vector<uint64_t> chosen;
  for (const TreePhase& phase : tree.phases()) {
    chosen.insert(chosen.end(), phase.ordinals.begin(), phase.ordinals.end());
  }
  const auto before = [&](uint64_t a, uint64_t b) {
    const int rank_a = Rank(tree.node(a).state), rank_b = Rank(tree.node(b).state);
    if (rank_a != rank_b) return rank_a < rank_b;
    // Of the finished ones the newest, of the others the oldest.
    if (rank_a == 3 || rank_a == 1) return a > b;
    return a < b;
  };
  if (chosen.size() > room) {
    std::nth_element(chosen.begin(), chosen.begin() + static_cast<long>(room), chosen.end(),
                     before);
    chosen.resize(room);
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace

std::string StateSymbol(v1::NodeState state, Symbols symbols) {
  const bool unicode = symbols == Symbols::kUnicode;
  switch (state) {
    case v1::NODE_RUNNING:
      return unicode ? "●" : "*";
    case v1::NODE_DONE:
      return unicode ? "✓" : "+";
    case v1::NODE_CACHED:
      return unicode ? "≡" : "=";
    case v1::NODE_FAILED:
      return unicode ? "✗" : "x";
    case v1::NODE_CANCELLED:
    case v1::NODE_SKIPPED:
      return unicode ? "–" : "-";
    case v1::NODE_BLOCKED:
    case v1::NODE_BACKOFF:
      return unicode ? "◌" : "!";
    default:
      return unicode ? "·" : ".";
  }
}

std::vector<std::string> ViewTree(const RunTree& tree, const ViewOptions& options) {
  std::vector<std::string> lines = {Header(tree, options)};
  const int log_rows = std::min<int>(static_cast<int>(tree.log().size()), options.rows / 8);
  const int room =
      std::max(0, options.rows - kHeaderRows - log_rows - static_cast<int>(tree.phases().size()));
  const std::vector<uint64_t> chosen = Choose(tree, static_cast<size_t>(room));
  for (const TreePhase& phase : tree.phases()) {
    if (phase.title.empty() && phase.counts.total == 0) continue;
    lines.push_back(PhaseLine(phase, options));
    for (const uint64_t ordinal : phase.ordinals) {
      if (!std::binary_search(chosen.begin(), chosen.end(), ordinal)) continue;
      lines.push_back(NodeLine(tree.node(ordinal), options));
    }
  }
  for (size_t i = tree.log().size() - static_cast<size_t>(log_rows); i < tree.log().size(); ++i) {
    lines.push_back(Styled(Fit("  " + tree.log()[i], options.columns), kDim, options));
  }
  if (lines.size() > static_cast<size_t>(options.rows)) {
    lines.resize(static_cast<size_t>(std::max(1, options.rows)));
  }
  return lines;
}

}  // namespace odw::client
