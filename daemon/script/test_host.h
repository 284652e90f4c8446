// Drives the real odw-script binary in tests: a zygote, hosts forked from it, turns. One thread.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/base/frame.h"
#include "daemon/base/subprocess.h"
#include "odw/v1/script.pb.h"

namespace odw::script {

namespace pb = ::odw::v1::script;

// The binary under test.
std::string ScriptBinary();

class TestZygote {
 public:
  TestZygote();
  ~TestZygote();  // closes the control socket and waits for the process to end

  // A request with its descriptor; the reply.
  pb::ZygoteReply Fork(UniqueFd host_end);
  UniqueFd& control() { return control_; }
  Subprocess& process() { return process_; }

 private:
  UniqueFd control_;
  FrameReader reader_;
  Subprocess process_;
  uint64_t last_id_ = 0;
};

// A turn whose frames have been put together.
struct WholeTurn {
  pb::Turn turn;  // calls and lines of all frames; the last frame's end
  int frames = 0;

  bool returned() const { return turn.has_returned(); }
  std::string result() const { return turn.returned().value_json(); }
  // Of the lines of one kind.
  std::vector<std::string> Lines(pb::Line::Kind kind) const;
};

class TestHost {
 public:
  // Forked and past its Ready.
  explicit TestHost(TestZygote* zygote);

  pid_t pid() const { return pid_; }
  int fd() const { return socket_.get(); }
  const pb::Ready& ready() const { return ready_; }

  void Send(const pb::ToHost& message);
  // Many frames in one write.
  void SendAll(const std::vector<pb::ToHost>& messages);
  // The next message; dies with a test failure when the host is gone.
  pb::FromHost Receive();
  // False at the end of the stream.
  bool TryReceive(pb::FromHost* message);
  WholeTurn ReceiveTurn();

  // Start and its turn. `body` follows a meta of its own.
  WholeTurn Start(const std::string& body, pb::Start options = {});
  WholeTurn StartSource(const std::string& source, pb::Start options = {});
  // Settlements and their turns; the numbers count up by themselves.
  WholeTurn SettleJson(uint64_t call, const std::string& json);
  WholeTurn SettleText(uint64_t call, const std::string& text);
  WholeTurn SettleError(uint64_t call, const std::string& message);
  WholeTurn SettleUndefined(uint64_t call);
  // A Settle message of this run with the next number.
  pb::ToHost NewSettle(uint64_t call);
  // End and its Idle.
  pb::Idle End();

  // Start, expect Returned in the first turn, End; the result's JSON, or "threw NAME: MESSAGE".
  std::string Evaluate(const std::string& body, pb::Start options = {});

 private:
  UniqueFd socket_;
  FrameReader reader_;
  pid_t pid_ = 0;
  pb::Ready ready_;
  uint64_t epoch_ = 0;
  uint64_t seq_ = 0;
};

// An invalid descriptor when there is no such process any more.
UniqueFd PidfdOpen(pid_t pid);
// False when the process is still there after `timeout_ms`.
bool WaitForExit(const UniqueFd& pidfd, int timeout_ms);

pb::AgentRequest RequestOf(const pb::Call& call);

}  // namespace odw::script
