// Child workflows (SPEC H): run in the parent's isolate and turn order, each in a realm of its own.
// Values cross as JSON and errors are built anew, so that nothing of one realm reaches the other.
#include <utility>

#include "daemon/script/body.h"
#include "daemon/script/run.h"
#include "daemon/script/v8_text.h"
#include "daemon/script/values.h"

namespace odw::script {
namespace {

void OnChildFulfilled(const v8::FunctionCallbackInfo<v8::Value>& info) {
  Realm* realm = Realm::Current(info.GetIsolate());
  if (realm == nullptr) return;
  realm->run()->ChildFulfilled(static_cast<uint64_t>(info.Data().As<v8::Number>()->Value()),
                               info[0]);
}

void OnChildRejected(const v8::FunctionCallbackInfo<v8::Value>& info) {
  Realm* realm = Realm::Current(info.GetIsolate());
  if (realm == nullptr) return;
  realm->run()->ChildRejected(static_cast<uint64_t>(info.Data().As<v8::Number>()->Value()),
                              info[0]);
}

struct ChildSource {
  std::string name, source, path;
};

// {name, source} of the settlement, and {path} where it came from a file.
ChildSource ReadChildSource(v8::Local<v8::Context> context, const std::string& json) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::TryCatch caught(isolate);
  v8::Local<v8::Value> value;
  ChildSource child;
  if (!ParseJson(context, json).ToLocal(&value) || !value->IsObject()) return child;
  child.name = FromV8(isolate, GetField(context, value.As<v8::Object>(), "name"));
  child.source = FromV8(isolate, GetField(context, value.As<v8::Object>(), "source"));
  child.path = FromV8(isolate, GetField(context, value.As<v8::Object>(), "path"));
  return child;
}

// What stacks call the child: its file's name, never the folders of the daemon's machine.
std::string ScriptName(const ChildSource& child) {
  if (child.path.empty()) return child.name + ".js";
  return child.path.substr(child.path.rfind('/') + 1);
}

}  // namespace

v8::MaybeLocal<v8::Promise> Run::RunBody(Realm* realm, const std::string& name,
                                         const std::string& source, uint32_t dialect,
                                         std::string* refusal) {
  v8::Isolate* isolate = realm->isolate();
  v8::EscapableHandleScope handles(isolate);
  v8::Local<v8::Context> context = realm->context();
  v8::Context::Scope in_context(context);
  v8::Local<v8::Function> async_function = realm->Internal("AsyncFunction").As<v8::Function>();
  Body body;
  if (!CompileBody(context, async_function, {.name = name, .text = source, .dialect = dialect},
                   &body, refusal)) {
    return {};
  }
  v8::Local<v8::Value> promise;
  if (body.module.IsEmpty()) {
    if (!body.function->Call(context, v8::Undefined(isolate), 0, nullptr).ToLocal(&promise)) {
      return {};
    }
    return handles.Escape(promise.As<v8::Promise>());
  }
  v8::Local<v8::Value> evaluated;
  if (!EvaluateModule(context, body.module).ToLocal(&evaluated)) return {};
  v8::Local<v8::Value> argv[] = {evaluated, body.module->GetModuleNamespace()};
  if (!realm->CallInternal("runEntry", 2, argv).ToLocal(&promise)) return {};
  return handles.Escape(promise.As<v8::Promise>());
}

void Run::StartChild(uint64_t ordinal, Pending pending, const std::string& value_json) {
  v8::Isolate* isolate = parts_.engine->isolate();
  const ChildSource source = ReadChildSource(pending.realm->context(), value_json);
  Child& child = children_[ordinal];
  child.name = source.name;
  child.parent = pending.realm;
  child.resolver = std::move(pending.resolver);
  child.realm = std::make_unique<Realm>(isolate, parts_.queue);
  Realm* realm = child.realm.get();
  v8::Local<v8::Context> context = realm->context();
  v8::Context::Scope in_context(context);
  v8::TryCatch caught(isolate);
  const Realm::Settings settings{.dialect = start_.dialect(),
                                 .depth = 1,
                                 .first_phase = "▸ " + source.name,
                                 .list_length_max = start_.list_length_max(),
                                 .budget_total = start_.budget_total(),
                                 .has_budget = start_.has_budget_total(),
                                 .odw_json = OdwJson()};
  v8::Local<v8::Value> args = v8::Undefined(isolate);
  v8::Local<v8::Promise> promise;
  v8::Local<v8::Function> fulfilled, rejected;
  v8::Local<v8::Number> data = v8::Number::New(isolate, static_cast<double>(ordinal));
  std::string refusal = "the workflow could not be started";
  AddLine(pb::Line::LOG, "▸ running dynamic workflow " + source.name);
  if ((pending.child_has_args && !ParseJson(context, pending.child_args).ToLocal(&args)) ||
      !realm->Open(this, pending.child_path, settings, args) ||
      !RunBody(realm, ScriptName(source), source.source, start_.dialect(), &refusal)
           .ToLocal(&promise) ||
      !v8::Function::New(context, OnChildFulfilled, data).ToLocal(&fulfilled) ||
      !v8::Function::New(context, OnChildRejected, data).ToLocal(&rejected) ||
      promise->Then(context, fulfilled, rejected).IsEmpty()) {
    if (caught.HasTerminated()) return;
    pb::Thrown thrown = DescribeSyntaxError(realm, caught, refusal);
    RejectParent(ordinal, thrown);
  }
}

void Run::ChildFulfilled(uint64_t ordinal, v8::Local<v8::Value> value) {
  auto found = children_.find(ordinal);
  if (found == children_.end()) return;
  Child& child = found->second;
  v8::Isolate* isolate = parts_.engine->isolate();
  v8::TryCatch caught(isolate);
  std::string json, problem;
  v8::Local<v8::Value> copy = v8::Undefined(isolate);
  if (!value->IsUndefined()) {
    if (!SerializeResult(child.realm.get(), value, &json, &problem)) {
      pb::Thrown thrown;
      thrown.set_name("TypeError");
      thrown.set_message("workflow '" + child.name + "': " + problem);
      RejectParent(ordinal, thrown);
      return;
    }
    if (!ParseJson(child.parent->context(), json).ToLocal(&copy)) return;
  }
  AddLine(pb::Line::LOG, "▸ " + child.name + " done");
  v8::Local<v8::Context> parent = child.parent->context();
  v8::Local<v8::Promise::Resolver> resolver = child.resolver.Get(isolate);
  EndChild(ordinal);
  v8::Context::Scope in_context(parent);
  IgnoreResult(resolver->Resolve(parent, copy));
}

void Run::ChildRejected(uint64_t ordinal, v8::Local<v8::Value> reason) {
  auto found = children_.find(ordinal);
  if (found == children_.end()) return;
  RejectParent(ordinal, DescribeThrown(found->second.realm.get(), reason));
}

void Run::RejectParent(uint64_t ordinal, const pb::Thrown& thrown) {
  Child& child = children_.at(ordinal);
  v8::Isolate* isolate = parts_.engine->isolate();
  v8::Local<v8::Context> parent = child.parent->context();
  v8::Local<v8::Promise::Resolver> resolver = child.resolver.Get(isolate);
  // Scripts take "workflow('x'): no workflow with that name" to mean that x does not exist; a child
  // that fails with such words of its own must not look so (SPEC H5).
  std::string message = thrown.message();
  if (message.find("workflow('" + child.name + "'):") != std::string::npos) {
    message = "in child workflow: " + std::string(thrown.name()) + " (see its log)";
  }
  AddLine(pb::Line::LOG, "▸ " + child.name + " failed: " + message);
  EndChild(ordinal);
  v8::Context::Scope in_context(parent);
  v8::Local<v8::Value> error = MakeError(parent, thrown.name(), message, "");
  if (!thrown.stack().empty()) {
    IgnoreResult(error.As<v8::Object>()->DefineOwnProperty(parent, ToV8(isolate, "stack"),
                                                           ToV8(isolate, thrown.stack()),
                                                           v8::PropertyAttribute::DontEnum));
  }
  IgnoreResult(resolver->Reject(parent, error));
}

void Run::EndChild(uint64_t ordinal) {
  auto found = children_.find(ordinal);
  Realm* realm = found->second.realm.get();
  std::vector<uint64_t> timers;
  for (auto it = pending_.begin(); it != pending_.end();) {
    if (it->second.realm != realm) {
      ++it;
    } else if (it->second.kind == pb::TIMER) {
      timers.push_back((it++)->first);
    } else {
      it = pending_.erase(it);
    }
  }
  for (uint64_t timer : timers) CancelTimer(realm, timer);
  finished_children_.push_back(std::move(found->second.realm));
  children_.erase(found);
}

}  // namespace odw::script
