// Drives odw-script's stateless roles in tests. One thread.
#pragma once

#include <string>

#include "daemon/base/check.h"
#include "daemon/base/fd.h"
#include "daemon/base/frame.h"
#include "daemon/base/subprocess.h"
#include "daemon/script/test_host.h"

namespace odw::script {

template <typename Request, typename Reply>
class TestTool {
 public:
  explicit TestTool(const std::string& role) {
    auto pair = MakeSocketPair();
    ODW_CHECK(pair.ok());
    socket_ = std::move(pair->ours);
    SubprocessOptions options;
    options.argv = {ScriptBinary(), role};
    options.fds = {{pair->theirs.get(), 0}, {pair->theirs.get(), 1}, {2, 2}};
    auto process = StartSubprocess(options);
    ODW_CHECK(process.ok());
    process_ = std::move(*process);
  }
  ~TestTool() {
    socket_.Reset();
    (void)process_.Wait();
  }

  // False when the process is gone.
  bool TryAsk(Request request, Reply* reply) {
    request.set_id(++last_id_);
    if (!WriteFrame(socket_.get(), request.SerializeAsString()).ok()) return false;
    auto frame = ReadFrame(socket_.get(), &reader_);
    if (!frame.ok() || !frame->has_value()) return false;
    ODW_CHECK(reply->ParseFromString(**frame) && reply->id() == request.id());
    return true;
  }
  Reply Ask(Request request) {
    Reply reply;
    ODW_CHECK(TryAsk(std::move(request), &reply));
    return reply;
  }

 private:
  UniqueFd socket_;
  FrameReader reader_;
  Subprocess process_;
  uint64_t last_id_ = 0;
};

}  // namespace odw::script
