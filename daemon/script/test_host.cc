#include "daemon/script/test_host.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/check.h"

namespace odw::script {

std::string ScriptBinary() { return ODW_SCRIPT_BINARY; }

TestZygote::TestZygote() {
  auto pair = MakeSocketPair();
  ODW_CHECK(pair.ok());
  control_ = std::move(pair->ours);
  SubprocessOptions options;
  options.argv = {ScriptBinary(), "--zygote"};
  options.fds = {{2, 2}, {pair->theirs.get(), 3}};
  auto process = StartSubprocess(options);
  ODW_CHECK(process.ok());
  process_ = std::move(*process);
}

TestZygote::~TestZygote() {
  control_.Reset();
  (void)process_.Wait();
}

pb::ZygoteReply TestZygote::Fork(UniqueFd host_end) {
  pb::ZygoteRequest request;
  request.set_id(++last_id_);
  std::string frame;
  AppendFrame(request.SerializeAsString(), &frame);
  iovec part{frame.data(), frame.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (host_end.valid()) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = host_end.get();
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  ODW_CHECK(sendmsg(control_.get(), &message, 0) == static_cast<ssize_t>(frame.size()));
  auto reply_frame = ReadFrame(control_.get(), &reader_);
  ODW_CHECK(reply_frame.ok() && reply_frame->has_value());
  pb::ZygoteReply reply;
  ODW_CHECK(reply.ParseFromString(**reply_frame));
  ODW_CHECK(reply.id() == request.id());
  return reply;
}

std::vector<std::string> WholeTurn::Lines(pb::Line::Kind kind) const {
  std::vector<std::string> texts;
  for (const pb::Line& line : turn.lines()) {
    if (line.kind() == kind) texts.push_back(line.text());
  }
  return texts;
}

TestHost::TestHost(TestZygote* zygote) {
  auto pair = MakeSocketPair();
  ODW_CHECK(pair.ok());
  socket_ = std::move(pair->ours);
  pid_ = static_cast<pid_t>(zygote->Fork(std::move(pair->theirs)).pid());
  ODW_CHECK(pid_ > 0);
  const pb::FromHost message = Receive();
  ODW_CHECK(message.has_ready() && message.epoch() == 0);
  ready_ = message.ready();
}

void TestHost::Send(const pb::ToHost& message) {
  ODW_CHECK(WriteFrame(socket_.get(), message.SerializeAsString()).ok());
}

void TestHost::SendAll(const std::vector<pb::ToHost>& messages) {
  std::string bytes;
  for (const pb::ToHost& message : messages) AppendFrame(message.SerializeAsString(), &bytes);
  ODW_CHECK(WriteAll(socket_.get(), bytes.data(), bytes.size()).ok());
}

bool TestHost::TryReceive(pb::FromHost* message) {
  auto frame = ReadFrame(socket_.get(), &reader_);
  if (!frame.ok() || !frame->has_value()) return false;
  ODW_CHECK(message->ParseFromString(**frame));
  return true;
}

pb::FromHost TestHost::Receive() {
  pb::FromHost message;
  ODW_CHECK(TryReceive(&message));
  return message;
}

WholeTurn TestHost::ReceiveTurn() {
  WholeTurn whole;
  for (;;) {
    pb::FromHost message = Receive();
    if (!message.has_turn()) fprintf(stderr, "not a turn: %s\n", message.fatal().message().c_str());
    ODW_CHECK(message.has_turn() && message.epoch() == epoch_);
    ++whole.frames;
    const bool more = message.turn().more();
    pb::Turn merged = std::move(whole.turn);
    merged.MergeFrom(message.turn());
    whole.turn = std::move(merged);
    if (!more) return whole;
  }
}

WholeTurn TestHost::StartSource(const std::string& source, pb::Start options) {
  seq_ = 0;
  pb::ToHost message;
  message.set_epoch(++epoch_);
  *message.mutable_start() = std::move(options);
  message.mutable_start()->set_source(source);
  if (message.start().script_name().empty()) message.mutable_start()->set_script_name("flow.js");
  if (message.start().dialect() == 0) message.mutable_start()->set_dialect(1);
  Send(message);
  return ReceiveTurn();
}

WholeTurn TestHost::Start(const std::string& body, pb::Start options) {
  return StartSource("export const meta = { name: 'flow', description: 'a test' };\n" + body,
                     std::move(options));
}

pb::ToHost TestHost::NewSettle(uint64_t call) {
  pb::ToHost message;
  message.set_epoch(epoch_);
  message.mutable_settle()->set_seq(++seq_);
  message.mutable_settle()->set_call(call);
  return message;
}

WholeTurn TestHost::SettleJson(uint64_t call, const std::string& json) {
  pb::ToHost message = NewSettle(call);
  message.mutable_settle()->set_value_json(json);
  Send(message);
  return ReceiveTurn();
}

WholeTurn TestHost::SettleText(uint64_t call, const std::string& text) {
  pb::ToHost message = NewSettle(call);
  message.mutable_settle()->set_text(text);
  Send(message);
  return ReceiveTurn();
}

WholeTurn TestHost::SettleError(uint64_t call, const std::string& text) {
  pb::ToHost message = NewSettle(call);
  message.mutable_settle()->mutable_rejection()->set_message(text);
  Send(message);
  return ReceiveTurn();
}

WholeTurn TestHost::SettleUndefined(uint64_t call) {
  pb::ToHost message = NewSettle(call);
  message.mutable_settle()->set_undefined(true);
  Send(message);
  return ReceiveTurn();
}

pb::Idle TestHost::End() {
  pb::ToHost message;
  message.set_epoch(epoch_);
  message.mutable_end();
  Send(message);
  const pb::FromHost answer = Receive();
  ODW_CHECK(answer.has_idle() && answer.epoch() == epoch_);
  return answer.idle();
}

std::string TestHost::Evaluate(const std::string& body, pb::Start options) {
  const WholeTurn turn = Start(body, std::move(options));
  std::string result = "did not end";
  if (turn.turn.has_returned()) result = turn.result();
  if (turn.turn.has_thrown()) {
    result = "threw " + turn.turn.thrown().name() + ": " + turn.turn.thrown().message();
  }
  End();
  return result;
}

UniqueFd PidfdOpen(pid_t pid) {
  return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
}

bool WaitForExit(const UniqueFd& pidfd, int timeout_ms) {
  pollfd entry{pidfd.get(), POLLIN, 0};
  return poll(&entry, 1, timeout_ms) == 1;
}

pb::AgentRequest RequestOf(const pb::Call& call) {
  pb::AgentRequest request;
  ODW_CHECK(request.ParseFromString(call.request()));
  return request;
}

}  // namespace odw::script
