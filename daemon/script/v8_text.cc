#include "daemon/script/v8_text.h"

#include <vector>

namespace odw::script {

v8::MaybeLocal<v8::String> TryToV8(v8::Isolate* isolate, std::string_view text) {
  return v8::String::NewFromUtf8(isolate, text.data(), v8::NewStringType::kNormal,
                                 static_cast<int>(text.size()));
}

v8::Local<v8::String> ToV8(v8::Isolate* isolate, std::string_view text) {
  v8::Local<v8::String> string;
  if (TryToV8(isolate, text).ToLocal(&string)) return string;
  return v8::String::Empty(isolate);
}

std::string FromV8(v8::Isolate* isolate, v8::Local<v8::String> text) {
  // ASCII, the common case, is one copy.
  const int length = text->Length();
  std::string out;
  if (text->IsOneByte()) {
    out.resize(static_cast<size_t>(length));
    text->WriteOneByte(isolate, reinterpret_cast<uint8_t*>(out.data()), 0, length,
                       v8::String::NO_NULL_TERMINATION);
    bool ascii = true;
    for (char c : out) ascii &= static_cast<signed char>(c) >= 0;
    if (ascii) return out;
  }
  out.resize(static_cast<size_t>(text->Utf8Length(isolate)));
  const int written =
      text->WriteUtf8(isolate, out.data(), static_cast<int>(out.size()), nullptr,
                      v8::String::NO_NULL_TERMINATION | v8::String::REPLACE_INVALID_UTF8);
  out.resize(static_cast<size_t>(written));
  return out;
}

std::string FirstUnits(v8::Isolate* isolate, v8::Local<v8::String> text, size_t units) {
  std::vector<uint16_t> buffer(units);
  const int copied = text->Write(isolate, buffer.data(), 0, static_cast<int>(units),
                                 v8::String::NO_NULL_TERMINATION);
  v8::Local<v8::String> first;
  if (!v8::String::NewFromTwoByte(isolate, buffer.data(), v8::NewStringType::kNormal, copied)
           .ToLocal(&first)) {
    return "";
  }
  return FromV8(isolate, first);
}

std::string FromV8(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  if (value.IsEmpty()) return "";
  if (value->IsString()) return FromV8(isolate, value.As<v8::String>());
  v8::TryCatch caught(isolate);
  if (value->IsNativeError()) {
    v8::Local<v8::String> message = v8::Exception::CreateMessage(isolate, value)->Get();
    return FromV8(isolate, message);
  }
  if (value->IsNumber() || value->IsBoolean()) {
    v8::Local<v8::String> text;
    if (value->ToString(isolate->GetCurrentContext()).ToLocal(&text)) return FromV8(isolate, text);
  }
  return "";
}

v8::Local<v8::Value> GetField(v8::Local<v8::Context> context, v8::Local<v8::Object> object,
                              const char* name) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::TryCatch caught(isolate);
  v8::Local<v8::Value> value;
  if (object->Get(context, ToV8(isolate, name)).ToLocal(&value)) return value;
  return v8::Undefined(isolate);
}

}  // namespace odw::script
