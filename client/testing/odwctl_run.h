// Running the odwctl binary from a test. Thread-safe.
#pragma once

#include <string>
#include <vector>

namespace odw::client {

struct OdwctlRun {
  int exit_code = 0;
  std::string out;
  std::string err;
};

struct OdwctlOptions {
  std::string binary = ODWCTL_BINARY;
  std::vector<std::string> env;
  std::string stdin_text;
  // Gets SIGINT when its stderr holds this text.
  std::string interrupt_at;
};

OdwctlRun RunOdwctl(const std::vector<std::string>& arguments, const OdwctlOptions& options = {});

// A fresh folder with a short path, removed with everything in it at the end.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace odw::client
