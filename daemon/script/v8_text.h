// Text between C++ (UTF-8) and V8. The isolate's thread only.
#pragma once

#include <string>
#include <string_view>

#include "v8.h"

namespace odw::script {

// Ill-formed UTF-8 becomes U+FFFD. Empty text when it is longer than V8's strings may be.
v8::Local<v8::String> ToV8(v8::Isolate* isolate, std::string_view text);
// As ToV8, but says so when the text is too long.
v8::MaybeLocal<v8::String> TryToV8(v8::Isolate* isolate, std::string_view text);

// Lone surrogates become U+FFFD. Never runs script code: what is not a string gives "" unless it is
// a number, a boolean or an error with plain fields.
std::string FromV8(v8::Isolate* isolate, v8::Local<v8::Value> value);
std::string FromV8(v8::Isolate* isolate, v8::Local<v8::String> text);

// For V8 calls that fail only when JavaScript was terminated, which the turn's end looks at anyway.
template <typename T>
void IgnoreResult(const T&) {}

// The first `units` UTF-16 units, without flattening or copying the rest.
std::string FirstUnits(v8::Isolate* isolate, v8::Local<v8::String> text, size_t units);

// object[name], or undefined when that throws.
v8::Local<v8::Value> GetField(v8::Local<v8::Context> context, v8::Local<v8::Object> object,
                              const char* name);

}  // namespace odw::script
