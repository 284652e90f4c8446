#include "client/follow/wait_notes.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

namespace odw::client {
namespace {

constexpr int kSilenceMillis = 1500;
constexpr size_t kReasonsMax = 50;  // then enough has been said

}  // namespace

WaitNotes::WaitNotes(ControlClient* client, std::string run_id,
                     std::function<void(const std::string&)> note)
    : client_(client),
      run_id_(std::move(run_id)),
      note_(std::move(note)),
      end_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Loop(); }) {}

WaitNotes::~WaitNotes() {
  const uint64_t one = 1;
  if (write(end_.get(), &one, sizeof one) == sizeof one) thread_.join();
}

void WaitNotes::Loop() {
  pollfd end = {.fd = end_.get(), .events = POLLIN, .revents = 0};
  uint64_t seen = 0;
  while (poll(&end, 1, kSilenceMillis) == 0) {
    const uint64_t now = events_.load(std::memory_order_relaxed);
    if (now == seen && said_.size() < kReasonsMax) Ask();
    seen = now;
  }
}

void WaitNotes::Ask() {
  v1::GetRunRequest request;
  request.set_run_id(run_id_);
  const absl::StatusOr<v1::Run> run = client_->GetRun(request);
  if (!run.ok()) return;  // whoever watches the run hears of a lost daemon too
  for (const std::string& reason : run->waiting_for()) {
    if (said_.insert(reason).second) note_(reason);
  }
}

}  // namespace odw::client
