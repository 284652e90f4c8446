#include "daemon/script/values.h"

#include "daemon/script/v8_text.h"

namespace odw::script {
namespace {

using odw::v1::script::Thrown;

std::string Cut(std::string text) {
  if (text.size() <= kThrownTextMax) return text;
  size_t end = kThrownTextMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  return text + "…";
}

// Drops the frames of the prelude and of the polyfills: a user's stack shows the user's script.
std::string ScriptFrames(const std::string& stack) {
  std::string out;
  for (size_t at = 0; at < stack.size();) {
    size_t end = stack.find('\n', at);
    if (end == std::string::npos) end = stack.size();
    const std::string_view line(stack.data() + at, end - at);
    const bool ours = line.substr(0, 7) == "    at " && line.find("odw:") != std::string_view::npos;
    if (!ours) {
      if (!out.empty()) out += '\n';
      out.append(line);
    }
    at = end + 1;
  }
  return out;
}

}  // namespace

v8::MaybeLocal<v8::Value> ParseJson(v8::Local<v8::Context> context, std::string_view json) {
  v8::Local<v8::String> text;
  if (!TryToV8(context->GetIsolate(), json).ToLocal(&text)) return {};
  return v8::JSON::Parse(context, text);
}

v8::Local<v8::Value> MakeError(v8::Local<v8::Context> context, const std::string& name,
                               const std::string& message, const std::string& code) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::Context::Scope in_context(context);
  v8::Local<v8::String> text = ToV8(isolate, message);
  const bool standard = name.empty() || name == "Error" || name == "TypeError" ||
                        name == "RangeError" || name == "SyntaxError" || name == "ReferenceError";
  v8::Local<v8::Value> error = name == "TypeError"        ? v8::Exception::TypeError(text)
                               : name == "RangeError"     ? v8::Exception::RangeError(text)
                               : name == "SyntaxError"    ? v8::Exception::SyntaxError(text)
                               : name == "ReferenceError" ? v8::Exception::ReferenceError(text)
                                                          : v8::Exception::Error(text);
  v8::Local<v8::Object> object = error.As<v8::Object>();
  const auto define = [&](const char* key, const std::string& value) {
    IgnoreResult(object->DefineOwnProperty(context, ToV8(isolate, key), ToV8(isolate, value),
                                           v8::PropertyAttribute::DontEnum));
  };
  if (!standard) define("name", name);
  if (!code.empty()) define("code", code);
  return error;
}

Thrown DescribeThrown(Realm* realm, v8::Local<v8::Value> value) {
  v8::Isolate* isolate = realm->isolate();
  v8::HandleScope handles(isolate);
  v8::TryCatch caught(isolate);
  Thrown thrown;
  v8::Local<v8::Value> parts;
  if (!realm->CallInternal("describeThrown", 1, &value).ToLocal(&parts) || !parts->IsArray()) {
    thrown.set_message("the script threw a value that cannot be shown");
    return thrown;
  }
  const auto part = [&](uint32_t index) {
    v8::Local<v8::Value> text;
    if (!parts.As<v8::Array>()->Get(realm->context(), index).ToLocal(&text)) return std::string();
    return FromV8(isolate, text);
  };
  thrown.set_name(Cut(part(0)));
  thrown.set_message(Cut(part(1)));
  thrown.set_stack(Cut(ScriptFrames(part(2))));
  return thrown;
}

Thrown DescribeSyntaxError(Realm* realm, const v8::TryCatch& caught, const std::string& refusal) {
  v8::Isolate* isolate = realm->isolate();
  v8::HandleScope handles(isolate);
  if (!caught.HasCaught()) {
    Thrown refused;
    refused.set_name("SyntaxError");
    refused.set_message(refusal);
    return refused;
  }
  Thrown thrown = DescribeThrown(realm, caught.Exception());
  v8::Local<v8::Message> message = caught.Message();
  if (message.IsEmpty()) return thrown;
  v8::Local<v8::Context> context = realm->context();
  const int line = message->GetLineNumber(context).FromMaybe(0);
  if (line == 0) return thrown;
  const int column = message->GetStartColumn(context).FromMaybe(0) + 1;
  thrown.set_message(FromV8(isolate, message->GetScriptResourceName()) + ":" +
                     std::to_string(line) + ":" + std::to_string(column) + ": " + thrown.message());
  return thrown;
}

bool SerializeResult(Realm* realm, v8::Local<v8::Value> value, std::string* json,
                     std::string* problem) {
  v8::Isolate* isolate = realm->isolate();
  v8::HandleScope handles(isolate);
  v8::TryCatch caught(isolate);
  v8::Local<v8::Value> text;
  if (!realm->CallInternal("serialize", 1, &value).ToLocal(&text)) {
    *problem = "the result cannot be written as JSON";
    return false;
  }
  if (text->IsString()) {
    *json = FromV8(isolate, text);
    return true;
  }
  v8::Local<v8::Value> reason;
  if (text->IsArray() && text.As<v8::Array>()->Get(realm->context(), 0).ToLocal(&reason)) {
    *problem = FromV8(isolate, reason);
  }
  return false;
}

}  // namespace odw::script
