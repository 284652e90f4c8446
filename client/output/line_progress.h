// One line on stderr for each phase, finished node, log line and note. One thread.
#pragma once

#include <functional>

#include "client/output/progress.h"

namespace odw::client {

class LineProgress : public Progress {
 public:
  // `write` takes a whole line with its end.
  explicit LineProgress(std::function<void(const std::string&)> write);
  void OnEvent(const v1::WatchEvent& event) override;
  void Note(const std::string& text) override;
  void Finish() override {}

 private:
  void Line(int64_t unix_ms, const std::string& text);
  void NodeLine(const v1::WatchEvent& event);

  const std::function<void(const std::string&)> write_;
  RunTree tree_;
};

}  // namespace odw::client
