#include "client/output/line_progress.h"

#include "client/output/text.h"
#include "client/output/tree_view.h"

namespace odw::client {

LineProgress::LineProgress(std::function<void(const std::string&)> write)
    : write_(std::move(write)) {}

void LineProgress::OnEvent(const v1::WatchEvent& event) {
  if (event.number() != 0 && event.number() <= tree_.last_number()) return;
  tree_.Apply(event);
  switch (event.body_case()) {
    case v1::WatchEvent::kNode:
      return NodeLine(event);
    case v1::WatchEvent::kLog:
      return Line(event.unix_ms(),
                  (event.log().warning() ? "warning: " : "log: ") + OneLine(event.log().text()));
    case v1::WatchEvent::kState: {
      const std::string why = tree_.state_why().empty() ? "" : ": " + tree_.state_why();
      return Line(event.unix_ms(), "the run is " + StateName(tree_.state()) + why);
    }
    case v1::WatchEvent::kPhase:
      return Line(event.unix_ms(), "phase " + OneLine(event.phase().title()));
    default:
      return;
  }
}

void LineProgress::Note(const std::string& text) { write_("odwctl: " + OneLine(text) + "\n"); }

void LineProgress::Line(int64_t unix_ms, const std::string& text) {
  const int64_t since = tree_.started_unix_ms() == 0 ? 0 : unix_ms - tree_.started_unix_ms();
  std::string at = FormatMillis(since);
  if (at.size() < 7) at.insert(0, 7 - at.size(), ' ');
  write_(at + "  " + text + "\n");
}

void LineProgress::NodeLine(const v1::WatchEvent& event) {
  const TreeNode& node = tree_.node(event.node().ordinal());
  const bool waits = node.state == v1::NODE_BLOCKED || node.state == v1::NODE_BACKOFF;
  if (node.ended_unix_ms == 0 && !waits) return;
  std::string text = StateSymbol(node.state, Symbols::kAscii) + " n" +
                     std::to_string(node.ordinal) + " " + node.label;
  const std::string& what = node.model.empty() ? node.runtime : node.model;
  if (!what.empty()) text += " (" + what + ")";
  if (node.tokens > 0) text += "  " + FormatCount(node.tokens) + " tokens";
  if (node.started_unix_ms != 0 && node.ended_unix_ms != 0) {
    text += "  " + FormatMillis(node.ended_unix_ms - node.started_unix_ms);
  }
  if (node.state == v1::NODE_CACHED) text += "  reused";
  if (node.state == v1::NODE_SKIPPED) text += "  skipped";
  if (node.state != v1::NODE_DONE && !node.error.empty()) text += "  " + node.error;
  Line(event.unix_ms(), text);
}

}  // namespace odw::client
