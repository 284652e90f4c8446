#include "daemon/script/validator.h"

#include <optional>
#include <string>

#include "daemon/script/tool_role.h"
#include "daemon/script/v8_text.h"
#include "odw/v1/script.pb.h"

namespace odw::script {
namespace {

namespace pb = ::odw::v1::script;

constexpr uint32_t kValidateCpuMsMax = 5000;

// False when JavaScript failed it.
bool Check(v8::Local<v8::Context> context, v8::Local<v8::Object> tool,
           const pb::ValidateRequest& request, pb::ValidateReply* reply) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::Local<v8::String> schema, value;
  if (!TryToV8(isolate, request.schema_json()).ToLocal(&schema) ||
      !TryToV8(isolate, request.value_json()).ToLocal(&value)) {
    return false;
  }
  v8::Local<v8::Value> argv[] = {schema, v8::Undefined(isolate),
                                 v8::Boolean::New(isolate, request.synthesize())};
  if (request.has_value_json()) argv[1] = value;
  v8::Local<v8::Value> result;
  if (!GetField(context, tool, "check")
           .As<v8::Function>()
           ->Call(context, tool, 3, argv)
           .ToLocal(&result)) {
    return false;
  }
  v8::Local<v8::Object> fields = result.As<v8::Object>();
  reply->set_verdict(static_cast<pb::ValidateReply::Verdict>(
      GetField(context, fields, "verdict")->Int32Value(context).FromMaybe(0)));
  reply->set_value_json(FromV8(isolate, GetField(context, fields, "value")));
  v8::Local<v8::Array> lines = GetField(context, fields, "mismatches").As<v8::Array>();
  for (uint32_t i = 0; i < lines->Length(); ++i) {
    v8::Local<v8::Value> line;
    if (lines->Get(context, i).ToLocal(&line)) reply->add_mismatches(FromV8(isolate, line));
  }
  return true;
}

pb::ValidateReply Serve(ToolRole* tool, const pb::ValidateRequest& request) {
  pb::ValidateReply reply;
  const bool done = tool->Call([&](v8::Local<v8::Context> context, v8::Local<v8::Object> object) {
    return Check(context, object, request, &reply);
  });
  if (!done) {
    reply.Clear();
    reply.set_verdict(tool->timed_out() ? pb::ValidateReply::TIMED_OUT
                                        : pb::ValidateReply::BAD_SCHEMA);
    reply.add_mismatches(tool->timed_out()
                             ? "the check took more than " + std::to_string(kValidateCpuMsMax) +
                                   " ms; a pattern that backtracks may be the reason"
                             : "the schema or the value is too large or nests too deeply");
  }
  reply.set_id(request.id());
  return reply;
}

}  // namespace

int RunValidator() {
  ToolRole tool(
      {.snapshot = Snapshot::kValidate, .cpu_ms_max = kValidateCpuMsMax, .generates_code = true});
  return tool.Run([&tool](std::string_view frame) -> std::optional<std::string> {
    pb::ValidateRequest request;
    if (!request.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) return std::nullopt;
    return Serve(&tool, request).SerializeAsString();
  });
}

}  // namespace odw::script
