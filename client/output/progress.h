// Shows a run's events on stderr while it lasts: a tree redrawn in place on a terminal, plain lines
// elsewhere, nothing when asked. One thread calls it; the tree has a thread of its own for the
// clock.
#pragma once

#include <memory>
#include <string>

#include "client/output/run_tree.h"

namespace odw::client {

class Progress {
 public:
  virtual ~Progress() = default;
  virtual void OnEvent(const v1::WatchEvent& event) = 0;
  // A word of odwctl's own: "the connection was lost; ...".
  virtual void Note(const std::string& text) = 0;
  // The last state stays on the screen; nothing is drawn afterwards.
  virtual void Finish() = 0;
};

enum class ProgressStyle { kAuto, kLines, kNone };

// kAuto: the tree when stderr is a terminal that can be drawn on, else lines.
std::unique_ptr<Progress> MakeProgress(ProgressStyle style);

}  // namespace odw::client
