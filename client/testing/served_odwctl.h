// odwctl against a fake daemon, in a folder of its own: what the tests of its verbs share. One thread.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "client/testing/fake_control.h"
#include "client/testing/odwctl_run.h"
#include "daemon/base/fd.h"

namespace odw::client {

inline constexpr char kRunId[] = "wf_1072dc96-6a2b4f01";  // of fake_control's run

inline bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class ServedOdwctl : public testing::Test {
 protected:
  void Serve(FakeRun run) {
    daemon_.reset();
    daemon_ = std::make_unique<FakeControl>(folder_.path() + "/odwd.sock", std::move(run));
  }
  OdwctlRun Run(std::vector<std::string> arguments, OdwctlOptions options = {}) {
    arguments.insert(arguments.begin(), {"--daemon", "unix:" + folder_.path() + "/odwd.sock"});
    return RunOdwctl(arguments, options);
  }
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_.path() + "/" + name;
    EXPECT_TRUE(WriteFileAtomically(path, text).ok());
    return path;
  }
  std::string LastCall() { return daemon_->calls().empty() ? "" : daemon_->calls().back(); }

  TempFolder folder_;
  std::unique_ptr<FakeControl> daemon_;
};

}  // namespace odw::client
