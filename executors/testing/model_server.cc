#include "executors/testing/model_server.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include "executors/testing/executor_process.h"

namespace odw::executors {

void ModelServer::Start(const std::string& folder, const std::string& key) {
  const std::string port_file = folder + "/port";
  auto child = StartSubprocess({.argv = {"node", ODW_FAKE_MODEL_SERVER, "--port-file", port_file,
                                         "--ttl", "300", "--key", key, "--quiet"},
                                .fds = {{2, 2}}});
  ASSERT_TRUE(child.ok()) << child.status();
  child_ = *std::move(child);
  ASSERT_TRUE(Eventually([&] {
    const auto text = ReadFile(port_file, 64);
    if (text.ok()) port_ = atoi(text->c_str());
    return port_ > 0;
  }));
}

ModelServer::~ModelServer() {
  if (!child_) return;
  (void)child_->Signal(SIGKILL);
  (void)child_->Wait();
}

}  // namespace odw::executors
