#include "daemon/hosts/loader_process.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>

#include "daemon/base/log.h"
#include "daemon/base/sha256.h"

namespace odw::hosts {
namespace {

constexpr size_t kJobsMax = 4096;
constexpr size_t kCacheEntriesMax = 256;
// The process has a watchdog of its own, far below this.
constexpr int kAnswerTimeoutMs = 30000;

std::string KeyOf(const v1::script::LoadRequest& request) {
  return std::to_string(request.dialect()) + "/" + request.script_name() + "/" + Sha256(request.source());
}

}  // namespace

LoaderProcess::LoaderProcess(std::string binary)
    : binary_(std::move(binary)), thread_([this] { Loop(); }) {}

LoaderProcess::~LoaderProcess() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  wake_.NotifyAll();
  thread_.join();
  if (socket_.valid()) {
    socket_.Reset();  // it ends at the end of its input
    process_.Wait().IgnoreError();
  }
}

void LoaderProcess::Load(v1::script::LoadRequest request,
                         std::function<void(absl::StatusOr<v1::script::LoadReply>)> done) {
  const std::string key = KeyOf(request);
  std::optional<v1::script::LoadReply> known;
  bool full = false;
  {
    MutexLock lock(&mutex_);
    const auto found = cache_.find(key);
    if (found != cache_.end()) {
      known = found->second;
    } else if (jobs_.size() >= kJobsMax) {
      full = true;
    } else {
      jobs_.push_back(Job{std::move(request), key, std::move(done)});
    }
  }
  if (known) return done(*std::move(known));
  if (full) {
    return done(absl::ResourceExhaustedError(
        "limit: " + std::to_string(kJobsMax) + " scripts wait to be loaded; try again in a moment"));
  }
  wake_.NotifyOne();
}

void LoaderProcess::Loop() {
  if (absl::Status status = StartProcess(); !status.ok()) {
    LogError("the script loader does not start: " + MessageOf(status));
  }
  for (;;) {
    Job job;
    {
      MutexLock lock(&mutex_);
      while (jobs_.empty() && !stopping_) wake_.Wait(&mutex_);
      if (stopping_) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    absl::StatusOr<v1::script::LoadReply> reply = Ask(job.request);
    if (reply.ok()) Remember(job.key, *reply);
    job.done(std::move(reply));
  }
}

absl::Status LoaderProcess::StartProcess() {
  ODW_ASSIGN_OR_RETURN(SocketPair pair, MakeSocketPair());
  const int theirs = pair.theirs.get();
  ODW_ASSIGN_OR_RETURN(process_, StartSubprocess({.argv = {binary_, "--load"},
                                                  .fds = {{theirs, 0}, {theirs, 1}, {2, 2}}}));
  socket_ = std::move(pair.ours);
  reader_ = FrameReader();
  return absl::OkStatus();
}

absl::StatusOr<v1::script::LoadReply> LoaderProcess::Ask(const v1::script::LoadRequest& request) {
  if (!socket_.valid()) ODW_RETURN_IF_ERROR(StartProcess());
  absl::Status sent = WriteFrame(socket_.get(), request.SerializeAsString());
  std::optional<std::string> answer;
  while (sent.ok()) {
    auto frame = reader_.Next();
    if (!frame.ok()) break;
    if (*frame) {
      answer = std::string(**frame);
      break;
    }
    pollfd waiting{socket_.get(), POLLIN, 0};
    if (poll(&waiting, 1, kAnswerTimeoutMs) <= 0) break;
    auto got = reader_.Fill(socket_.get());
    if (!got.ok() || *got == 0) break;
  }
  v1::script::LoadReply reply;
  if (answer && reply.ParseFromString(*answer)) return reply;
  // It died or hangs: this request pays, the next one gets a new process.
  process_.Signal(SIGKILL).IgnoreError();
  process_.Wait().IgnoreError();
  socket_.Reset();
  return absl::InternalError(
      "the script could not be loaded: the loader gave up on it (too long, too deep or too large); "
      "make the script smaller and submit again");
}

void LoaderProcess::Remember(const std::string& key, const v1::script::LoadReply& reply) {
  MutexLock lock(&mutex_);
  if (!cache_.emplace(key, reply).second) return;
  cache_order_.push_back(key);
  if (cache_order_.size() > kCacheEntriesMax) {
    cache_.erase(cache_order_.front());
    cache_order_.pop_front();
  }
}

}  // namespace odw::hosts
