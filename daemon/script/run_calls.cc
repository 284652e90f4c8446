// What a script asks for, and how a settlement reaches its promise.
#include <utility>

#include "daemon/script/run.h"
#include "daemon/script/v8_text.h"
#include "daemon/script/values.h"

namespace odw::script {
namespace {

constexpr size_t kCallsPendingMax = 1'000'000;
constexpr uint32_t kPromptBytesDefault = 16 << 20;
constexpr size_t kOptionBytesMax = 4 << 20;  // everything in a request but its prompt

void ThrowRange(v8::Isolate* isolate, const std::string& message) {
  isolate->ThrowException(v8::Exception::RangeError(ToV8(isolate, message)));
}

}  // namespace

v8::MaybeLocal<v8::Promise> Run::NewPending(Realm* realm, uint64_t ordinal, Pending pending) {
  v8::Local<v8::Promise::Resolver> resolver;
  if (!v8::Promise::Resolver::New(realm->context()).ToLocal(&resolver)) return {};
  pending.realm = realm;
  pending.resolver.Reset(realm->isolate(), resolver);
  pending_.emplace(ordinal, std::move(pending));
  return resolver->GetPromise();
}

bool Run::MayCall() {
  if (pending_.size() < kCallsPendingMax) return true;
  ThrowRange(parts_.engine->isolate(),
             "more than " + std::to_string(kCallsPendingMax) + " calls wait to be settled");
  return false;
}

v8::MaybeLocal<v8::Promise> Run::CallAgent(Realm* realm, const pb::AgentRequest& request,
                                           std::string scope) {
  const size_t prompt_max =
      start_.prompt_bytes_max() == 0 ? kPromptBytesDefault : start_.prompt_bytes_max();
  if (request.prompt().size() > prompt_max) {
    ThrowRange(realm->isolate(),
               "agent(): the prompt is " + std::to_string(request.prompt().size()) +
                   " bytes; the limit is " + std::to_string(prompt_max) + " (prompt_bytes_max)");
    return {};
  }
  std::string bytes = request.SerializeAsString();
  if (bytes.size() > request.prompt().size() + kOptionBytesMax) {
    ThrowRange(realm->isolate(),
               "agent(): the options take more than " + std::to_string(kOptionBytesMax) + " bytes");
    return {};
  }
  if (!MayCall()) return {};
  pb::Call call;
  call.set_ordinal(++last_ordinal_);
  call.set_kind(pb::AGENT);
  call.set_scope(std::move(scope));
  call.set_child_path(realm->child_path());
  call.set_request(std::move(bytes));
  parts_.output->AddCall(std::move(call));
  return NewPending(realm, last_ordinal_, Pending{.kind = pb::AGENT});
}

v8::MaybeLocal<v8::Promise> Run::CallWorkflow(Realm* realm, pb::Call call,
                                              const std::string& child_path) {
  if (!MayCall()) return {};
  Pending pending{.kind = pb::WORKFLOW,
                  .child_path = child_path,
                  .child_args = call.args_json(),
                  .child_has_args = call.has_args_json()};
  call.set_ordinal(++last_ordinal_);
  call.set_kind(pb::WORKFLOW);
  call.set_child_path(child_path);
  parts_.output->AddCall(std::move(call));
  return NewPending(realm, last_ordinal_, std::move(pending));
}

v8::MaybeLocal<v8::Promise> Run::ReadSchemaFile(Realm* realm, const std::string& path,
                                                std::string scope) {
  if (!MayCall()) return {};
  pb::Call call;
  call.set_ordinal(++last_ordinal_);
  call.set_kind(pb::WORKFLOW);
  call.set_name(kSchemaFileName);
  call.set_script_path(path);
  call.set_scope(std::move(scope));
  call.set_child_path(realm->child_path());
  parts_.output->AddCall(std::move(call));
  return NewPending(realm, last_ordinal_, Pending{.kind = pb::WORKFLOW, .is_file = true});
}

uint64_t Run::StartTimer(Realm* realm, double delay_ms) {
  if (!MayCall()) return 0;
  pb::Call call;
  call.set_ordinal(++last_ordinal_);
  call.set_kind(pb::TIMER);
  call.set_child_path(realm->child_path());
  call.set_delay_ms(delay_ms);
  parts_.output->AddCall(std::move(call));
  pending_.emplace(last_ordinal_, Pending{.kind = pb::TIMER, .realm = realm});
  return last_ordinal_;
}

void Run::CancelTimer(Realm* realm, uint64_t ordinal) {
  auto found = pending_.find(ordinal);
  if (found == pending_.end() || found->second.kind != pb::TIMER || found->second.realm != realm) {
    return;
  }
  pending_.erase(found);
  pb::Call call;
  call.set_kind(pb::CANCEL_TIMER);
  call.set_target(ordinal);
  parts_.output->AddCall(std::move(call));
}

void Run::AddLine(pb::Line::Kind kind, v8::Local<v8::String> text) {
  v8::Isolate* isolate = parts_.engine->isolate();
  // Cut in V8 first: a line of gigabytes must not be copied to be thrown away.
  const bool cut = text->Length() > static_cast<int>(LogLimit::kLineBytesMax);
  std::string line =
      cut ? FirstUnits(isolate, text, LogLimit::kLineBytesMax) : FromV8(isolate, text);
  if (cut) line += "… (" + std::to_string(text->Length()) + " characters)";
  AddLine(kind, std::move(line));
}

void Run::AddLine(pb::Line::Kind kind, std::string text) {
  std::optional<std::string> admitted = log_limit_.Admit(std::move(text));
  if (!admitted) return;
  const bool suppressed = log_limit_.suppressing();
  parts_.output->AddLine(suppressed ? pb::Line::WARNING : kind, std::move(*admitted));
}

void Run::Warn(std::string text) { AddLine(pb::Line::WARNING, std::move(text)); }

void Run::Deliver(const pb::Settle& settle, Pending pending) {
  v8::Isolate* isolate = parts_.engine->isolate();
  Realm* realm = pending.realm;
  v8::Local<v8::Context> context = realm->context();
  v8::Context::Scope in_context(context);
  if (pending.kind == pb::TIMER) {
    v8::Local<v8::Value> id = v8::Number::New(isolate, static_cast<double>(settle.call()));
    IgnoreResult(realm->CallInternal("fireTimer", 1, &id));
    return;
  }
  if (pending.kind == pb::WORKFLOW && !pending.is_file && settle.has_value_json()) {
    StartChild(settle.call(), std::move(pending), settle.value_json());
    return;
  }
  v8::Local<v8::Promise::Resolver> resolver = pending.resolver.Get(isolate);
  if (settle.has_rejection()) {
    const pb::Rejection& rejection = settle.rejection();
    IgnoreResult(resolver->Reject(
        context, MakeError(context, rejection.name(), rejection.message(), rejection.code())));
    return;
  }
  v8::Local<v8::Value> value = v8::Undefined(isolate);
  v8::TryCatch caught(isolate);
  v8::Local<v8::String> text;
  if (settle.has_text() && TryToV8(isolate, settle.text()).ToLocal(&text)) {
    value = text;
  } else if (settle.has_value_json() && !ParseJson(context, settle.value_json()).ToLocal(&value)) {
    if (caught.HasTerminated()) return;
    const bool told = caught.HasCaught();
    IgnoreResult(resolver->Reject(
        context, told
                     ? caught.Exception()
                     : MakeError(context, "RangeError", "the value is too long for a string", "")));
    return;
  }
  IgnoreResult(resolver->Resolve(context, value));
}

}  // namespace odw::script
