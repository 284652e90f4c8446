#include "daemon/script/realm.h"

#include <iterator>

#include "daemon/script/snapshot.h"
#include "daemon/script/v8_text.h"

namespace odw::script {

Realm::Realm(v8::Isolate* isolate, v8::MicrotaskQueue* queue) : isolate_(isolate) {
  v8::HandleScope handles(isolate);
  v8::Local<v8::Context> context =
      v8::Context::New(isolate, nullptr, {}, {}, v8::DeserializeInternalFieldsCallback(), queue);
  context->AllowCodeGenerationFromStrings(false);
  context->SetAlignedPointerInEmbedderData(kRealmSlot, this);
  context_.Reset(isolate, context);
}

Realm::~Realm() {
  v8::HandleScope handles(isolate_);
  context()->SetAlignedPointerInEmbedderData(kRealmSlot, nullptr);
  context_.Reset();
}

Realm* Realm::Current(v8::Isolate* isolate) {
  auto* realm = static_cast<Realm*>(
      isolate->GetCurrentContext()->GetAlignedPointerFromEmbedderData(kRealmSlot));
  return realm != nullptr && realm->run_ != nullptr ? realm : nullptr;
}

bool Realm::Open(Run* run, const std::string& child_path, const Settings& settings,
                 v8::Local<v8::Value> args) {
  run_ = run;
  child_path_ = child_path;
  v8::Local<v8::Value> budget = v8::Null(isolate_);
  if (settings.has_budget) budget = v8::Number::New(isolate_, settings.budget_total);
  v8::Local<v8::Value> argv[] = {
      args,
      v8::Integer::NewFromUnsigned(isolate_, settings.dialect),
      v8::Integer::NewFromUnsigned(isolate_, settings.depth),
      ToV8(isolate_, settings.first_phase),
      v8::Integer::NewFromUnsigned(isolate_, settings.list_length_max),
      budget,
      ToV8(isolate_, settings.odw_json),
  };
  return !CallInternal("start", std::size(argv), argv).IsEmpty();
}

v8::Local<v8::Value> Realm::Internal(const char* name) {
  v8::Local<v8::Context> in = context();
  return GetField(in, in->GetEmbedderData(kInternalsSlot).As<v8::Object>(), name);
}

v8::MaybeLocal<v8::Value> Realm::CallInternal(const char* name, int argc,
                                              v8::Local<v8::Value>* argv) {
  v8::EscapableHandleScope handles(isolate_);
  v8::Local<v8::Value> function = Internal(name);
  v8::Local<v8::Value> result;
  if (!function->IsFunction() || !function.As<v8::Function>()
                                      ->Call(context(), v8::Undefined(isolate_), argc, argv)
                                      .ToLocal(&result)) {
    return {};
  }
  return handles.Escape(result);
}

}  // namespace odw::script
