// What the engine asks for: at once (appends, frames to script hosts, look-ups), or when it may leave.
#include "daemon/base/canonical_json.h"
#include "daemon/base/kill_point.h"
#include "daemon/base/log.h"
#include "daemon/loop/core_loop.h"

namespace odw::loop {
namespace {

// Somebody is held up until this leaves; an Ack or a Cancel can wait for company.
bool IsUrgent(const core::Effect& effect) {
  return std::holds_alternative<core::SendAssign>(effect) || std::holds_alternative<core::Reply>(effect) ||
         std::holds_alternative<core::RunEnded>(effect) || std::holds_alternative<core::SendWelcome>(effect);
}

}  // namespace

void CoreLoop::Route(core::Effect effect) {
  if (auto* append = std::get_if<core::Append>(&effect)) return RouteAppend(std::move(*append));
  if (auto* start = std::get_if<core::HostStart>(&effect)) return RouteHostStart(std::move(*start));
  if (auto* settle = std::get_if<core::HostSettle>(&effect)) return RouteHostSettle(std::move(*settle));
  if (auto* find = std::get_if<core::FindWorkflow>(&effect)) return RouteFindWorkflow(std::move(*find));
  if (auto* release = std::get_if<core::HostRelease>(&effect)) {
    return hosts_->Release(release->run_id, release->epoch);
  }
  urgent_ |= IsUrgent(effect);
  gate_.Hold(std::move(effect));
}

void CoreLoop::RouteAppend(core::Append append) {
  core_metrics_.OnEvent(engine_, append);
  if (group_.empty()) group_since_ = absl::Now();
  for (model::Value& value : append.values) {
    if (!value.from_run.empty()) ReadFromOtherRun(&value);
    if (value.bytes == nullptr) continue;  // said in the log; whoever reads it is told
    group_.blobs.push_back({append.run_id, value.ref.sha256(), std::move(value.bytes)});
  }
  group_.events.push_back({std::move(append.run_id), append.seq, std::move(append.bytes)});
}

void CoreLoop::RouteHostStart(core::HostStart start) {
  // A host may ask for the source before its group is cut; what is not queued yet travels by value.
  if (start.start.replay()) KillPoint("loop.before_replay");
  hosts::PendingFrame frame;
  frame.frame.set_epoch(start.epoch);
  *frame.frame.mutable_start() = std::move(start.start);
  frame.fill = hosts::PendingFrame::Fill::kSource;
  frame.value = std::move(start.source);
  frame.args = std::move(start.args);
  AttachBytes(&frame.value);
  if (frame.args) AttachBytes(&*frame.args);
  hosts_->Begin(start.run_id, start.epoch, start.owner, std::move(frame));
}

void CoreLoop::RouteHostSettle(core::HostSettle settle) {
  KillPoint("loop.before_settle");
  hosts::PendingFrame frame;
  frame.frame.set_epoch(settle.epoch);
  *frame.frame.mutable_settle() = std::move(settle.settle);
  switch (settle.fill) {
    case core::HostSettle::Fill::kNone: break;
    case core::HostSettle::Fill::kJson: frame.fill = hosts::PendingFrame::Fill::kSettleJson; break;
    case core::HostSettle::Fill::kText: frame.fill = hosts::PendingFrame::Fill::kSettleText; break;
  }
  frame.value = std::move(settle.value);
  AttachBytes(&frame.value);
  hosts_->Push(settle.run_id, settle.epoch, std::move(frame));
}

// The answer comes back as an input, from the registry's thread.
void CoreLoop::RouteFindWorkflow(core::FindWorkflow find) {
  ++lookups_open_;
  core::WorkflowFound answer{.run_id = find.run_id, .node = find.node};
  if (options_.registry == nullptr) {
    answer.message = "workflow('" + find.name + "'): no workflow with that name. Available: none";
    return from_hosts_.push_back(std::move(answer));
  }
  options_.registry->Find({.cwd = std::move(find.cwd),
                           .name = std::move(find.name),
                           .script_path = std::move(find.script_path),
                           .dialect = find.dialect},
                          [this, answer](absl::StatusOr<model::FoundWorkflow> found) mutable {
                            answer.ok = found.ok();
                            if (found.ok()) {
                              answer.value_json = "{\"name\":" + JsonQuote(found->name) +
                                                  ",\"path\":" + JsonQuote(found->path) +
                                                  ",\"source\":" + JsonQuote(found->source) + "}";
                            } else {
                              answer.message = MessageOf(found.status());
                            }
                            Post(std::move(answer));
                          });
}

// A result of the run that this one resumes: from now on it is this run's own too.
void CoreLoop::ReadFromOtherRun(model::Value* value) const {
  absl::StatusOr<std::string> bytes = journal_->ReadBlob(value->from_run, value->ref.sha256());
  if (bytes.ok()) {
    value->bytes = std::make_shared<const std::string>(*std::move(bytes));
  } else {
    LogError("a result of " + value->from_run + " cannot be reused: " + MessageOf(bytes.status()));
  }
}

void CoreLoop::AttachBytes(model::Value* value) const {
  if (value->is_inline() || value->bytes) return;
  // Newest first: what was appended in this step is what is asked for.
  for (auto blob = group_.blobs.rbegin(); blob != group_.blobs.rend(); ++blob) {
    if (blob->sha256 == value->ref.sha256()) {
      value->bytes = blob->bytes;
      return;
    }
  }
}

void CoreLoop::Leave(core::Effect effect) {
  if (auto* assign = std::get_if<core::SendAssign>(&effect)) {
    KillPoint("loop.before_assign");
    v1::ToExecutor message;
    *message.mutable_assign() = std::move(assign->assign);
    if (assign->prompt.is_inline()) {
      message.mutable_assign()->mutable_request()->set_prompt(assign->prompt.ref.inline_());
    } else {
      auto prompt = writer_->ReadValue(message.assign().run_id(), assign->prompt.ref);
      if (!prompt.ok()) {
        LogError("prompt of " + message.assign().run_id() + ": " + MessageOf(prompt.status()));
        return FailAssign(assign->session, message.assign().token(), prompt.status());
      }
      message.mutable_assign()->mutable_request()->set_prompt(*std::move(prompt));
    }
    outbox_->Send(assign->session, std::move(message));
  } else if (auto* ack = std::get_if<core::SendAck>(&effect)) {
    KillPoint("loop.before_ack");
    v1::ToExecutor message;
    message.mutable_ack()->set_token(std::move(ack->token));
    outbox_->Send(ack->session, std::move(message));
  } else if (auto* cancel = std::get_if<core::SendCancel>(&effect)) {
    v1::ToExecutor message;
    message.mutable_cancel()->set_token(std::move(cancel->token));
    message.mutable_cancel()->set_reason(std::move(cancel->reason));
    outbox_->Send(cancel->session, std::move(message));
  } else if (auto* welcome = std::get_if<core::SendWelcome>(&effect)) {
    v1::ToExecutor message;
    message.mutable_welcome()->set_heartbeat_interval_ms(options_.heartbeat_interval_ms);
    message.mutable_welcome()->set_daemon_version(options_.daemon_version);
    outbox_->Send(welcome->session, std::move(message));
  } else if (auto* close = std::get_if<core::CloseSession>(&effect)) {
    outbox_->CloseSession(close->session, std::move(close->why));
  } else if (auto* reply = std::get_if<core::Reply>(&effect)) {
    KillPoint("loop.before_reply");
    outbox_->CompleteReply(std::move(*reply));
  } else if (auto* ended = std::get_if<core::RunEnded>(&effect)) {
    outbox_->OnRunEnded(ended->run_id);
  }
}

// An assignment whose prompt the journal cannot give back: the attempt fails by name instead of hanging.
void CoreLoop::FailAssign(core::SessionId session, const std::string& token, const absl::Status& why) {
  core::ExecutorSaid said{.session = session};
  v1::Result* result = said.message.mutable_result();
  result->set_token(token);
  result->mutable_error()->set_category(v1::INTERNAL);
  result->mutable_error()->set_message("the prompt cannot be read from the journal: " + MessageOf(why));
  from_hosts_.push_back(std::move(said));
}

}  // namespace odw::loop
