#include "daemon/script/snapshot.h"

#include <memory>

#include "daemon/base/fd.h"
#include "daemon/script/bindings.h"
#include "daemon/script/v8_text.h"

// snapshot.S
extern "C" {
extern const char odw_snapshot_script_begin[], odw_snapshot_script_end[];
extern const char odw_snapshot_load_begin[], odw_snapshot_load_end[];
extern const char odw_snapshot_validate_begin[], odw_snapshot_validate_end[];
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

// The bundle of the prelude is a function of the host's bindings; the tools' bundles are values.
absl::StatusOr<v8::Local<v8::Value>> Internals(v8::Local<v8::Context> context, Snapshot which,
                                               const std::string& name, const std::string& bundle) {
  ODW_ASSIGN_OR_RETURN(v8::Local<v8::Value> value, Evaluate(context, "odw:" + name, bundle));
  if (which != Snapshot::kScript) return value;
  v8::Isolate* isolate = context->GetIsolate();
  v8::TryCatch caught(isolate);
  v8::Local<v8::Value> host = MakeHostObject(context);
  v8::Local<v8::Value> internals;
  if (value.As<v8::Function>()
          ->Call(context, v8::Undefined(isolate), 1, &host)
          .ToLocal(&internals)) {
    return internals;
  }
  return absl::InternalError("odw:" + name + ": " + FromV8(isolate, caught.Exception()));
}

absl::Status Fill(v8::SnapshotCreator* creator, Snapshot which, const std::string& name,
                  const std::string& bundle) {
  v8::Isolate* isolate = creator->GetIsolate();
  v8::HandleScope handles(isolate);
  v8::Local<v8::Context> context = v8::Context::New(isolate);
  v8::Context::Scope in_context(context);
  const absl::StatusOr<v8::Local<v8::Value>> internals = Internals(context, which, name, bundle);
  if (internals.ok()) context->SetEmbedderData(kInternalsSlot, *internals);
  creator->SetDefaultContext(context);
  return internals.status();
}

absl::Status MakeOne(Snapshot which, const std::string& name, const std::string& js_folder,
                     const std::string& out_folder) {
  ODW_ASSIGN_OR_RETURN(const std::string bundle,
                       ReadFile(js_folder + "/" + name + ".js", kBundleBytesMax));
  v8::SnapshotCreator creator(ExternalReferences());
  const absl::Status filled = Fill(&creator, which, name, bundle);
  // Also after a failure: V8 does not let go of a creator that has made nothing.
  const v8::StartupData blob = creator.CreateBlob(v8::SnapshotCreator::FunctionCodeHandling::kKeep);
  const std::unique_ptr<const char[]> owner(blob.data);
  ODW_RETURN_IF_ERROR(filled);
  return WriteFileAtomically(out_folder + "/" + name + ".snapshot",
                             std::string(blob.data, static_cast<size_t>(blob.raw_size)));
}

v8::StartupData Between(const char* begin, const char* end) {
  return {begin, static_cast<int>(end - begin)};
}

}  // namespace

v8::StartupData* EmbeddedSnapshot(Snapshot which) {
  static v8::StartupData script = Between(odw_snapshot_script_begin, odw_snapshot_script_end);
  static v8::StartupData load = Between(odw_snapshot_load_begin, odw_snapshot_load_end);
  static v8::StartupData validate = Between(odw_snapshot_validate_begin, odw_snapshot_validate_end);
  v8::StartupData* data = which == Snapshot::kScript ? &script
                          : which == Snapshot::kLoad ? &load
                                                     : &validate;
  return data->raw_size > 0 ? data : nullptr;
}

absl::Status MakeSnapshots(const std::string& js_folder, const std::string& out_folder) {
  ODW_RETURN_IF_ERROR(MakeOne(Snapshot::kScript, "script", js_folder, out_folder));
  ODW_RETURN_IF_ERROR(MakeOne(Snapshot::kLoad, "load", js_folder, out_folder));
  return MakeOne(Snapshot::kValidate, "validate", js_folder, out_folder);
}

}  // namespace odw::script
