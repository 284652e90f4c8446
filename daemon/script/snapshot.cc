#include "daemon/script/snapshot.h"

#include <memory>

#include "daemon/base/fd.h"
#include "daemon/script/bindings.h"
#include "daemon/script/v8_text.h"

extern "C" {
extern const char odw_script_snapshot_begin[];
extern const char odw_script_snapshot_end[];
}

namespace odw::script {
namespace {

constexpr size_t kBundleBytesMax = 16 << 20;

absl::StatusOr<v8::Local<v8::Value>> Evaluate(v8::Local<v8::Context> context,
                                              const std::string& name, const std::string& source) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::TryCatch caught(isolate);
  v8::ScriptOrigin origin(isolate, ToV8(isolate, name));
  v8::Local<v8::Script> script;
  v8::Local<v8::Value> value;
  if (v8::Script::Compile(context, ToV8(isolate, source), &origin).ToLocal(&script) &&
      script->Run(context).ToLocal(&value)) {
    return value;
  }
  return absl::InternalError(name + ": " + FromV8(isolate, caught.Exception()));
}

absl::StatusOr<v8::Local<v8::Context>> MakeScriptRealm(v8::Isolate* isolate,
                                                       const std::string& bundle) {
  v8::Local<v8::Context> context = v8::Context::New(isolate);
  v8::Context::Scope in_context(context);
  ODW_ASSIGN_OR_RETURN(v8::Local<v8::Value> factory, Evaluate(context, "odw:prelude", bundle));
  v8::TryCatch caught(isolate);
  v8::Local<v8::Value> host = MakeHostObject(context);
  v8::Local<v8::Value> internals;
  if (!factory.As<v8::Function>()
           ->Call(context, v8::Undefined(isolate), 1, &host)
           .ToLocal(&internals)) {
    return absl::InternalError("odw:prelude: " + FromV8(isolate, caught.Exception()));
  }
  context->SetEmbedderData(kInternalsSlot, internals);
  return context;
}

absl::StatusOr<v8::Local<v8::Context>> MakeToolRealm(v8::Isolate* isolate, const std::string& name,
                                                     const std::string& bundle) {
  v8::Local<v8::Context> context = v8::Context::New(isolate);
  v8::Context::Scope in_context(context);
  ODW_ASSIGN_OR_RETURN(v8::Local<v8::Value> internals, Evaluate(context, name, bundle));
  context->SetEmbedderData(kInternalsSlot, internals);
  return context;
}

struct Bundles {
  std::string prelude, load, validate;
};

absl::Status Fill(v8::SnapshotCreator* creator, const Bundles& bundles) {
  v8::Isolate* isolate = creator->GetIsolate();
  v8::HandleScope handles(isolate);
  ODW_ASSIGN_OR_RETURN(auto script, MakeScriptRealm(isolate, bundles.prelude));
  ODW_ASSIGN_OR_RETURN(auto load, MakeToolRealm(isolate, "odw:load", bundles.load));
  ODW_ASSIGN_OR_RETURN(auto validate, MakeToolRealm(isolate, "odw:validate", bundles.validate));
  creator->SetDefaultContext(script);
  if (creator->AddContext(load) != static_cast<size_t>(ToolRealm::kLoad) ||
      creator->AddContext(validate) != static_cast<size_t>(ToolRealm::kValidate)) {
    return absl::InternalError("contexts of the snapshot out of order");
  }
  return absl::OkStatus();
}

}  // namespace

v8::StartupData* EmbeddedSnapshot() {
  static v8::StartupData data{
      odw_script_snapshot_begin,
      static_cast<int>(odw_script_snapshot_end - odw_script_snapshot_begin)};
  return data.raw_size > 0 ? &data : nullptr;
}

absl::StatusOr<std::string> MakeSnapshot(const std::string& js_folder) {
  Bundles bundles;
  ODW_ASSIGN_OR_RETURN(bundles.prelude, ReadFile(js_folder + "/prelude.js", kBundleBytesMax));
  ODW_ASSIGN_OR_RETURN(bundles.load, ReadFile(js_folder + "/load.js", kBundleBytesMax));
  ODW_ASSIGN_OR_RETURN(bundles.validate, ReadFile(js_folder + "/validate.js", kBundleBytesMax));
  v8::SnapshotCreator creator(ExternalReferences());
  const absl::Status filled = Fill(&creator, bundles);
  v8::StartupData blob =
      creator.CreateBlob(v8::SnapshotCreator::FunctionCodeHandling::kKeep);
  const std::unique_ptr<const char[]> owner(blob.data);
  ODW_RETURN_IF_ERROR(filled);
  return std::string(blob.data, static_cast<size_t>(blob.raw_size));
}

}  // namespace odw::script
