// The scripted model provider of tests/fakes, as a child on loopback.
#pragma once

#include <optional>
#include <string>

#include "daemon/base/subprocess.h"

namespace odw::executors {

class ModelServer {
 public:
  // `folder`: for its port file. It demands `key`, and ends by itself after some minutes.
  void Start(const std::string& folder, const std::string& key);
  ~ModelServer();
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  std::optional<Subprocess> child_;
  int port_ = 0;
};

}  // namespace odw::executors
