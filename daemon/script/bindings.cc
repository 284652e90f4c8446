#include "daemon/script/bindings.h"

#include <string>
#include <utility>

#include "daemon/base/canonical_json.h"
#include "daemon/script/realm.h"
#include "daemon/script/run.h"
#include "daemon/script/v8_text.h"

namespace odw::script {
namespace {

using Info = v8::FunctionCallbackInfo<v8::Value>;

std::string TextAt(const Info& info, int index) { return FromV8(info.GetIsolate(), info[index]); }

// The order of the fields in `rest`, made by prelude/options.js.
enum Rest : uint32_t {
  kRuntime,
  kProvider,
  kEffort,
  kAgentType,
  kIsolation,
  kSchema,
  kCommand,
  kCwd,
  kPermission,
  kSchemaDescription,
  kTimeoutMs,
  kArgs,
  kTools,
  kOptions,
  kFallback,
  kNetwork,
  kKeepIgnored,
  kAttemptsMax,
  kStallMs,
  kNodeId,
};

v8::Local<v8::Value> At(v8::Local<v8::Context> context, v8::Local<v8::Object> list,
                        uint32_t index) {
  v8::Local<v8::Value> value;
  if (list->Get(context, index).ToLocal(&value)) return value;
  return v8::Undefined(context->GetIsolate());
}

void ReadRest(v8::Local<v8::Context> context, v8::Local<v8::Array> rest, pb::AgentRequest* out) {
  v8::Isolate* isolate = context->GetIsolate();
  const auto text = [&](Rest index) { return FromV8(isolate, At(context, rest, index)); };
  const auto list = [&](Rest index, auto* field) {
    v8::Local<v8::Value> value = At(context, rest, index);
    if (!value->IsArray()) return;
    v8::Local<v8::Array> array = value.As<v8::Array>();
    for (uint32_t i = 0; i < array->Length(); ++i) {
      *field->Add() = FromV8(isolate, At(context, array, i));
    }
  };
  out->set_runtime(text(kRuntime));
  out->set_provider(text(kProvider));
  out->set_effort(text(kEffort));
  out->set_agent_type(text(kAgentType));
  out->set_isolation(text(kIsolation));
  out->set_schema_json(text(kSchema));
  out->set_command(text(kCommand));
  out->set_cwd(text(kCwd));
  out->set_permission(text(kPermission));
  out->set_schema_description(text(kSchemaDescription));
  const auto number = [&](Rest index) {
    return At(context, rest, index)->Uint32Value(context).FromMaybe(0);
  };
  out->set_timeout_ms(number(kTimeoutMs));
  list(kArgs, out->mutable_args());
  list(kTools, out->mutable_tools());
  out->set_options_json(text(kOptions));
  list(kFallback, out->mutable_fallback());
  out->set_network(text(kNetwork));
  list(kKeepIgnored, out->mutable_keep_ignored());
  out->set_attempts_max(number(kAttemptsMax));
  out->set_stall_ms(number(kStallMs));
  out->set_node_id(text(kNodeId));
}

// agent(prompt, label, phase, model, rest, scope) -> Promise
void Agent(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Realm* realm = Realm::Current(isolate);
  if (realm == nullptr) return;
  pb::AgentRequest request;
  request.set_prompt(TextAt(info, 0));
  request.set_label(TextAt(info, 1));
  request.set_phase(TextAt(info, 2));
  request.set_model(TextAt(info, 3));
  if (info[4]->IsArray()) {
    ReadRest(isolate->GetCurrentContext(), info[4].As<v8::Array>(), &request);
  }
  v8::Local<v8::Promise> promise;
  if (realm->run()->CallAgent(realm, request, TextAt(info, 5)).ToLocal(&promise)) {
    info.GetReturnValue().Set(promise);
  }
}

// workflow(name, path, argsJson | undefined, scope, childPath) -> Promise
void Workflow(const Info& info) {
  Realm* realm = Realm::Current(info.GetIsolate());
  if (realm == nullptr) return;
  pb::Call call;
  call.set_name(TextAt(info, 0));
  call.set_script_path(TextAt(info, 1));
  if (info[2]->IsString()) call.set_args_json(TextAt(info, 2));
  call.set_scope(TextAt(info, 3));
  v8::Local<v8::Promise> promise;
  if (realm->run()->CallWorkflow(realm, std::move(call), TextAt(info, 4)).ToLocal(&promise)) {
    info.GetReturnValue().Set(promise);
  }
}

// readFile(path, scope) -> Promise of the settlement's value; see Run::ReadSchemaFile
void ReadFile(const Info& info) {
  Realm* realm = Realm::Current(info.GetIsolate());
  if (realm == nullptr) return;
  v8::Local<v8::Promise> promise;
  if (realm->run()->ReadSchemaFile(realm, TextAt(info, 0), TextAt(info, 1)).ToLocal(&promise)) {
    info.GetReturnValue().Set(promise);
  }
}

// detach(arrayBuffer): what ArrayBuffer.prototype.transfer leaves behind
void Detach(const Info& info) {
  if (!info[0]->IsArrayBuffer()) return;
  v8::Local<v8::ArrayBuffer> buffer = info[0].As<v8::ArrayBuffer>();
  if (buffer->IsDetachable()) buffer->Detach();
}

// timer(delayMs) -> ordinal
void Timer(const Info& info) {
  Realm* realm = Realm::Current(info.GetIsolate());
  if (realm == nullptr || !info[0]->IsNumber()) return;
  const uint64_t ordinal = realm->run()->StartTimer(realm, info[0].As<v8::Number>()->Value());
  info.GetReturnValue().Set(static_cast<double>(ordinal));
}

// cancelTimer(ordinal)
void CancelTimer(const Info& info) {
  Realm* realm = Realm::Current(info.GetIsolate());
  if (realm == nullptr || !info[0]->IsNumber()) return;
  realm->run()->CancelTimer(realm, static_cast<uint64_t>(info[0].As<v8::Number>()->Value()));
}

// line(kind, text)
void Line(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  Realm* realm = Realm::Current(isolate);
  if (realm == nullptr || !info[0]->IsInt32() || !info[1]->IsString()) return;
  realm->run()->AddLine(static_cast<pb::Line::Kind>(info[0].As<v8::Int32>()->Value()),
                        info[1].As<v8::String>());
}

// getScope() -> what setScope set, as await and then carried it here
void GetScope(const Info& info) {
  info.GetReturnValue().Set(
      info.GetIsolate()->GetCurrentContext()->GetContinuationPreservedEmbedderData());
}

void SetScope(const Info& info) {
  info.GetIsolate()->GetCurrentContext()->SetContinuationPreservedEmbedderData(info[0]);
}

// spent() -> budget used by the settlements delivered so far
void Spent(const Info& info) {
  Realm* realm = Realm::Current(info.GetIsolate());
  info.GetReturnValue().Set(realm == nullptr ? 0 : realm->run()->budget_spent());
}

void IsError(const Info& info) { info.GetReturnValue().Set(info[0]->IsNativeError()); }

// canonical(json) -> the same value with its keys sorted; throws on what is no JSON
void Canonical(const Info& info) {
  v8::Isolate* isolate = info.GetIsolate();
  const absl::StatusOr<std::string> json = CanonicalJson(TextAt(info, 0));
  if (json.ok()) {
    info.GetReturnValue().Set(ToV8(isolate, *json));
  } else {
    isolate->ThrowException(v8::Exception::TypeError(ToV8(isolate, MessageOf(json.status()))));
  }
}

struct Binding {
  const char* name;
  v8::FunctionCallback callback;
};

constexpr Binding kBindings[] = {
    {"agent", Agent},       {"workflow", Workflow},
    {"timer", Timer},       {"cancelTimer", CancelTimer},
    {"line", Line},         {"getScope", GetScope},
    {"setScope", SetScope}, {"spent", Spent},
    {"isError", IsError},   {"canonical", Canonical},
    {"readFile", ReadFile}, {"detach", Detach},
};

}  // namespace

const intptr_t* ExternalReferences() {
  static intptr_t references[std::size(kBindings) + 1];
  for (size_t i = 0; i < std::size(kBindings); ++i) {
    references[i] = reinterpret_cast<intptr_t>(kBindings[i].callback);
  }
  return references;
}

v8::Local<v8::Object> MakeHostObject(v8::Local<v8::Context> context) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::Local<v8::Object> host = v8::Object::New(isolate);
  for (const Binding& binding : kBindings) {
    v8::Local<v8::Function> function = v8::FunctionTemplate::New(isolate, binding.callback, {}, {},
                                                                 0, v8::ConstructorBehavior::kThrow)
                                           ->GetFunction(context)
                                           .ToLocalChecked();
    host->Set(context, ToV8(isolate, binding.name), function).Check();
  }
  return host;
}

}  // namespace odw::script
