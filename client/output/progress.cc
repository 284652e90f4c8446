#include "client/output/progress.h"

#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/output/line_progress.h"
#include "client/output/tree_progress.h"
#include "daemon/base/fd.h"

namespace odw::client {
namespace {

class NoProgress : public Progress {
 public:
  void OnEvent(const v1::WatchEvent&) override {}
  void Note(const std::string&) override {}
  void Finish() override {}
};

std::string Env(const char* name) {
  const char* value = getenv(name);
  return value == nullptr ? "" : value;
}

// The first of the three that is set decides, as in the C library.
bool LocaleIsUtf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string value = Env(name);
    if (!value.empty()) {
      return strcasestr(value.c_str(), "utf-8") != nullptr ||
             strcasestr(value.c_str(), "utf8") != nullptr;
    }
  }
  return false;
}

bool CanDraw() {
  const std::string terminal = Env("TERM");
  return isatty(STDERR_FILENO) == 1 && !terminal.empty() && terminal != "dumb";
}

}  // namespace

std::unique_ptr<Progress> MakeProgress(ProgressStyle style) {
  if (style == ProgressStyle::kNone) return std::make_unique<NoProgress>();
  if (style == ProgressStyle::kAuto && CanDraw()) {
    setlocale(LC_CTYPE, "C.UTF-8");  // for wcwidth
    return std::make_unique<TreeProgress>(STDERR_FILENO,
                                          Env("NO_COLOR").empty() ? Colour::kYes : Colour::kNo,
                                          LocaleIsUtf8() ? Symbols::kUnicode : Symbols::kAscii);
  }
  return std::make_unique<LineProgress>(
      [](const std::string& line) { (void)WriteAll(STDERR_FILENO, line.data(), line.size()); });
}

}  // namespace odw::client
