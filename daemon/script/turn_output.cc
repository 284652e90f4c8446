#include "daemon/script/turn_output.h"

#include <unistd.h>

#include <utility>

#include "daemon/base/fd.h"
#include "daemon/base/frame.h"
#include "daemon/base/kill_point.h"

namespace odw::script {
namespace {

constexpr size_t kFrameBytes = 1 << 20;      // a Turn is cut past this
constexpr size_t kFlushBytes = 4 << 20;      // written before the turn's end past this
constexpr size_t kQueueBytesKept = 1 << 20;  // memory that an idle host keeps for the next turn

}  // namespace

void TurnOutput::Begin(uint64_t epoch, uint64_t seq) {
  frame_.Clear();
  frame_.set_epoch(epoch);
  frame_.mutable_turn()->set_seq(seq);
  frame_bytes_ = 0;
}

void TurnOutput::AddCall(pb::Call&& call) {
  frame_bytes_ += call.request().size() + call.args_json().size() + call.scope().size() + 32;
  *frame_.mutable_turn()->add_calls() = std::move(call);
  if (frame_bytes_ > kFrameBytes) CutFrame();
}

void TurnOutput::AddLine(pb::Line::Kind kind, std::string text) {
  frame_bytes_ += text.size() + 8;
  pb::Line* line = frame_.mutable_turn()->add_lines();
  line->set_kind(kind);
  line->set_text(std::move(text));
  if (frame_bytes_ > kFrameBytes) CutFrame();
}

void TurnOutput::CutFrame() {
  const uint64_t epoch = frame_.epoch();
  const uint64_t seq = frame_.turn().seq();
  frame_.mutable_turn()->set_more(true);
  AppendFrame(frame_.SerializeAsString(), &queue_);
  Begin(epoch, seq);
  if (queue_.size() > kFlushBytes) Flush();
}

void TurnOutput::Finish(pb::Turn&& last) {
  pb::Turn* turn = frame_.mutable_turn();
  last.set_seq(turn->seq());
  last.mutable_calls()->Swap(turn->mutable_calls());
  last.mutable_lines()->Swap(turn->mutable_lines());
  *turn = std::move(last);
  AppendFrame(frame_.SerializeAsString(), &queue_);
  if (queue_.size() > kFlushBytes) Flush();
}

void TurnOutput::Send(const pb::FromHost& message) {
  AppendFrame(message.SerializeAsString(), &queue_);
}

void TurnOutput::Flush() {
  if (queue_.empty()) return;
  KillPoint("script.before_flush");
  {
    std::lock_guard<std::mutex> lock(writing_);
    if (!WriteAll(fd_, queue_.data(), queue_.size()).ok()) _exit(0);
  }
  KillPoint("script.after_flush");
  queue_.clear();
  if (queue_.capacity() > kQueueBytesKept) queue_.shrink_to_fit();
}

void TurnOutput::SendFatal(pb::Fatal::Reason reason, const std::string& message) {
  std::unique_lock<std::mutex> lock(writing_, std::try_to_lock);
  if (!lock.owns_lock()) return;
  pb::FromHost fatal;
  fatal.mutable_fatal()->set_reason(reason);
  fatal.mutable_fatal()->set_message(message);
  (void)WriteFrame(fd_, fatal.SerializeAsString());
}

}  // namespace odw::script
