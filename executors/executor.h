// The executor itself: holds tasks from Assign to Ack, between one runtime, the spool and the session.
// What it promises the daemon is in README.md, "Protocol rules". Loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "executors/event_loop.h"
#include "executors/identity.h"
#include "executors/permission.h"
#include "executors/redact.h"
#include "executors/runtime.h"
#include "executors/session.h"
#include "executors/spool.h"

namespace odw::executors {

struct ExecutorOptions {
  std::string name;
  uint32_t slots = 1;
  std::vector<std::string> labels;
  absl::Duration linger = absl::Seconds(60);
  PoolLimits limits;
  Redactor redactor;
};

class Executor : public TaskSink, public SessionEvents {
 public:
  // Borrows all; they outlive it. `identity` is this process's turn of the executor.
  Executor(EventLoop* loop, ExecutorOptions options, const Identity& identity, Spool* spool,
           Runtime* runtime);
  ~Executor() override;

  // Adopts what a former process left, then attaches. Fails when the tasks folder cannot be read.
  absl::Status Start(const SessionOptions& session);
  // Takes no more tasks, finishes those it has, offers their results, then stops the loop.
  void Drain(const std::string& why);

  // TaskSink
  void Finished(odw::v1::Result result) override;
  void Lost(odw::v1::Lost lost) override;
  void Progress(odw::v1::Progress progress) override;

  // SessionEvents
  odw::v1::Register MakeRegister() override;
  void OnMessage(odw::v1::ToExecutor message) override;
  void OnDetached(const std::string& why) override;
  void OnRoom() override { round_dirty_ = true; }

 private:
  enum class Phase { kWaiting, kRunning, kFinished };
  // A finished result on its way: `cached` is its serialized form, kept while that is small and it has
  // not been sent, so that the ordinary path reads nothing back.
  struct Outgoing {
    std::string token;
    std::string cached;
    bool cancelled = false;  // offered once, without waiting for the ack
  };

  void OnAssign(odw::v1::Assign assign);
  void OnAck(const std::string& token);
  void OnCancel(const odw::v1::Cancel& cancel);
  void OnWelcome(const odw::v1::Welcome& welcome);
  void OnRepository(odw::v1::RepositoryCommand command);
  void Refuse(const std::string& token, const std::string& why);
  void Begin(Task task);
  bool MayStart() const;

  void EndRound();
  void SpoolFresh();
  void SendLost();
  void Offer();
  bool LoadResult(Outgoing* outgoing, odw::v1::Result* result);
  void StartWaiting();
  void Heartbeat();
  void LingerOver();
  void LeaveIfDone();

  EventLoop* const loop_;
  const ExecutorOptions options_;
  const Identity identity_;
  Spool* const spool_;
  Runtime* const runtime_;
  std::unique_ptr<Session> session_;

  uint32_t attaches_ = 0;
  uint64_t epoch_ = 0;
  bool welcomed_ = false;
  bool draining_ = false;
  bool lingered_ = false;  // no daemon for too long: leave when nothing runs
  bool round_dirty_ = false;

  absl::flat_hash_map<std::string, Phase> held_;  // assigned, no result in the spool yet
  std::map<uint64_t, Task> waiting_;              // held, not started: the spool is full or broken
  uint64_t next_waiting_ = 1;
  std::vector<odw::v1::Result> fresh_;            // finished, not spooled yet
  std::map<uint64_t, Outgoing> outbox_;           // spooled, in finish order
  absl::flat_hash_map<std::string, uint64_t> outbox_by_token_;
  uint64_t next_outgoing_ = 1;
  uint64_t next_offer_ = 0;                       // first of outbox_ that this stream has not seen
  uint64_t cached_bytes_ = 0;
  struct Untold {
    odw::v1::Lost lost;
    bool told = false;  // on this stream
  };
  std::map<std::string, Untold> lost_;            // until the daemon's ack
  std::vector<std::string> acked_;                // in this round

  EventLoop::TimerId heartbeat_ = 0;
  EventLoop::TimerId linger_ = 0;
  EventLoop::TimerId spool_retry_ = 0;
  EventLoop::TimerId leave_ = 0;
  absl::Duration heartbeat_interval_;
};

}  // namespace odw::executors
