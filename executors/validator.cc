#include "executors/validator.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#include <utility>

#include "daemon/base/log.h"
#include "odw/v1/script.pb.h"

namespace odw::executors {
namespace {

using odw::v1::script::ValidateReply;
using odw::v1::script::ValidateRequest;

// The child has a watchdog of its own; this is for one that does not answer at all.
constexpr absl::Duration kAnswerWait = absl::Seconds(30);
constexpr int kTriesMax = 2;
constexpr size_t kSynthesizedMax = 256;  // schemas; past it the cache starts afresh

Verdict ToVerdict(const ValidateReply& reply) {
  Verdict verdict;
  switch (reply.verdict()) {
    case ValidateReply::VALID: verdict.kind = Verdict::Kind::kValid; break;
    case ValidateReply::INVALID: verdict.kind = Verdict::Kind::kInvalid; break;
    case ValidateReply::BAD_SCHEMA: verdict.kind = Verdict::Kind::kBadSchema; break;
    case ValidateReply::NOT_JSON: verdict.kind = Verdict::Kind::kNotJson; break;
    default: verdict.kind = Verdict::Kind::kFailed; break;
  }
  verdict.mismatches.assign(reply.mismatches().begin(), reply.mismatches().end());
  verdict.value_json = reply.value_json();
  return verdict;
}

Verdict Failed(const std::string& why) { return {.kind = Verdict::Kind::kFailed, .mismatches = {why}}; }

}  // namespace

Validator::Validator(EventLoop* loop, std::string program)
    : loop_(loop), program_(std::move(program)) {}

Validator::~Validator() {
  loop_->CancelTimer(deadline_);
  StopChild();
}

void Validator::Check(const std::string& schema_json, const std::string& value_json, Done done) {
  Ask(schema_json, &value_json, std::move(done));
}

void Validator::Synthesize(const std::string& schema_json, Done done) {
  const auto cached = synthesized_.find(schema_json);
  if (cached != synthesized_.end()) {
    return done({.kind = Verdict::Kind::kValid, .mismatches = {}, .value_json = cached->second});
  }
  Ask(schema_json, nullptr, [this, schema_json, done = std::move(done)](const Verdict& verdict) {
    if (verdict.kind == Verdict::Kind::kValid) {
      if (synthesized_.size() >= kSynthesizedMax) synthesized_.clear();
      synthesized_[schema_json] = verdict.value_json;
    }
    done(verdict);
  });
}

void Validator::Ask(std::string schema_json, const std::string* value_json, Done done) {
  ValidateRequest request;
  request.set_id(next_id_++);
  request.set_schema_json(std::move(schema_json));
  if (value_json != nullptr) request.set_value_json(*value_json);
  request.set_synthesize(value_json == nullptr);
  Question question{.id = request.id(), .frame = "", .done = std::move(done)};
  AppendFrame(request.SerializeAsString(), &question.frame);
  if (!EnsureChild()) return question.done(Failed("cannot start " + program_ + " --validate"));
  unwritten_ += question.frame;
  open_.push_back(std::move(question));
  if (open_.size() == 1) ArmDeadline();
  WriteMore();
}

bool Validator::EnsureChild() {
  if (socket_.valid()) return true;
  absl::StatusOr<SocketPair> pair = MakeSocketPair();
  if (!pair.ok() || !SetNonBlocking(pair->ours.get()).ok()) return false;
  absl::StatusOr<Subprocess> child =
      StartSubprocess({.argv = {program_, "--validate"},
                       .fds = {{pair->theirs.get(), 0}, {pair->theirs.get(), 1}, {2, 2}}});
  if (!child.ok()) {
    LogError("schema checks do not work: " + MessageOf(child.status()));
    return false;
  }
  child_ = *std::move(child);
  socket_ = std::move(pair->ours);
  reader_ = FrameReader();
  unwritten_.clear();
  loop_->Watch(socket_.get(), EPOLLIN, [this](uint32_t events) { OnReady(events); });
  return true;
}

void Validator::OnReady(uint32_t events) {
  if ((events & EPOLLOUT) != 0) WriteMore();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !ReadAnswers()) ChildGone();
}

bool Validator::ReadAnswers() {
  const absl::StatusOr<ssize_t> got = reader_.Fill(socket_.get());
  if (!got.ok() || *got == 0) return false;
  for (;;) {
    const auto frame = reader_.Next();
    if (!frame.ok()) return false;
    if (!frame->has_value()) return true;
    ValidateReply reply;
    if (!reply.ParseFromArray((*frame)->data(), static_cast<int>((*frame)->size()))) return false;
    if (open_.empty() || reply.id() != open_.front().id) return false;
    const Done done = std::move(open_.front().done);
    open_.pop_front();
    ArmDeadline();
    done(ToVerdict(reply));
  }
}

void Validator::WriteMore() {
  size_t done = 0;
  while (done < unwritten_.size()) {
    const ssize_t wrote = send(socket_.get(), unwritten_.data() + done, unwritten_.size() - done,
                               MSG_NOSIGNAL);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) break;  // EAGAIN, or a death that the next read sees
    done += static_cast<size_t>(wrote);
  }
  unwritten_.erase(0, done);
  loop_->ChangeEvents(socket_.get(), unwritten_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

void Validator::ArmDeadline() {
  loop_->CancelTimer(deadline_);
  if (!open_.empty()) deadline_ = loop_->After(kAnswerWait, [this] { ChildGone(); });
}

// The first question is the likely cause: it is tried once more, in a new child, then given up.
void Validator::ChildGone() {
  StopChild();
  if (open_.empty()) return;
  LogWarning("the schema validator died with " + std::to_string(open_.size()) + " question(s) open");
  if (++open_.front().tries >= kTriesMax) {
    const Done done = std::move(open_.front().done);
    open_.pop_front();
    done(Failed("the schema validator died on this value twice"));
  }
  if (open_.empty() || socket_.valid()) return;
  if (!EnsureChild()) return FailAll();
  for (const Question& question : open_) unwritten_ += question.frame;
  ArmDeadline();
  WriteMore();
}

void Validator::FailAll() {
  std::deque<Question> failed;
  failed.swap(open_);
  for (const Question& question : failed) {
    question.done(Failed("cannot start " + program_ + " --validate"));
  }
}

void Validator::StopChild() {
  if (!socket_.valid()) return;
  loop_->CancelTimer(deadline_);
  loop_->Unwatch(socket_.get());
  socket_.Reset();
  (void)child_.Signal(SIGKILL);  // stateless: nothing is lost
  (void)child_.Wait();
}

}  // namespace odw::executors
