// The live tree: redrawn in place on stderr ten times a second while something changes or the clock
// runs. OnEvent and Note from one thread; a second thread draws.
#pragma once

#include <thread>

#include "client/output/progress.h"
#include "client/output/tree_view.h"
#include "daemon/base/fd.h"
#include "daemon/base/mutex.h"

namespace odw::client {

class TreeProgress : public Progress {
 public:
  // Draws on `fd`, a terminal.
  TreeProgress(int fd, Colour colour, Symbols symbols);
  ~TreeProgress() override;
  void OnEvent(const v1::WatchEvent& event) override;
  void Note(const std::string& text) override;
  void Finish() override;

 private:
  void DrawLoop();
  void Draw(int rows_max);

  const int fd_;
  const Colour colour_;
  const Symbols symbols_;
  UniqueFd wake_;  // eventfd: ends the loop
  int drawn_rows_ = 0;
  std::thread thread_;
  Mutex mutex_;
  RunTree tree_ ODW_GUARDED_BY(mutex_);
  std::string notes_ ODW_GUARDED_BY(mutex_);  // to be printed above the tree
};

}  // namespace odw::client
