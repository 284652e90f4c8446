// A daemon's end of the Attach stream for tests: a real gRPC server on a unix socket that a test scripts
// step by step. Every wait has a limit and fails the test past it. Thread-safe.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "daemon/base/mutex.h"
#include "odw/v1/executor.pb.h"

namespace odw::executors {

class FakeDaemon {
 public:
  explicit FakeDaemon(std::string socket_path);
  ~FakeDaemon();

  void Start();
  void Stop();  // as a death: streams break, nothing listens
  std::string address() const { return "unix:" + socket_path_; }
  // True (from the start): each Result is acknowledged when it arrives.
  void AckAll(bool on);

  // The next Register (in order of attach) that no test has seen yet.
  odw::v1::Register WaitRegister();
  // Assigns with the current stream's epoch unless told another.
  void Assign(const std::string& token, odw::v1::AgentRequest request, uint32_t attempt = 1,
              std::optional<uint64_t> epoch = std::nullopt);
  // Attempt 2, which is to go on with a session.
  void AssignResumed(const std::string& token, odw::v1::AgentRequest request, const std::string& session);
  void Cancel(const std::string& token);
  void Ack(const std::string& token);
  void Drain();
  // Breaks the current stream; the server goes on listening.
  void BreakStream();

  odw::v1::Result WaitResult(const std::string& token);
  odw::v1::Lost WaitLost(const std::string& token);
  // What the task was last said to have used; nothing yet: an empty one.
  odw::v1::Usage UsageTold(const std::string& token);
  void WaitResults(size_t count);
  void WaitDraining();
  void WaitDetached();
  // Offers of this token on all streams so far; how many results in all; heartbeats.
  int Offers(const std::string& token);
  std::vector<std::string> ResultOrder();
  int Heartbeats();

 private:
  class Service;
  struct Impl;
  const std::string socket_path_;
  std::unique_ptr<Impl> impl_;
};

// A request for the mock runtime.
odw::v1::AgentRequest Prompt(const std::string& prompt);
// A request for the command runtime.
odw::v1::AgentRequest Command(const std::string& command, const std::vector<std::string>& args);

}  // namespace odw::executors
