// Values that cross between the daemon and a realm: JSON in, errors in, what was thrown out. The
// isolate's thread.
#pragma once

#include <string>
#include <string_view>

#include "daemon/script/realm.h"
#include "odw/v1/script.pb.h"
#include "v8.h"

namespace odw::script {

// JSON.parse in `context`, whatever the script did to JSON. Empty when that failed; the caller's
// TryCatch then holds the SyntaxError, unless the text is longer than a string may be.
v8::MaybeLocal<v8::Value> ParseJson(v8::Local<v8::Context> context, std::string_view json);

// An error of the realm's own class for `name` (Error when it has none), with name and code set.
v8::Local<v8::Value> MakeError(v8::Local<v8::Context> context, const std::string& name,
                               const std::string& message, const std::string& code);

// What was thrown, told by the prelude; the stack with the script's frames only. Each text is cut
// to kThrownTextMax bytes.
inline constexpr size_t kThrownTextMax = 64 << 10;
odw::v1::script::Thrown DescribeThrown(Realm* realm, v8::Local<v8::Value> value);

// Why a body did not compile, with its place: "flow.js:3:7: Unexpected token". `refusal` is told
// when `caught` holds nothing.
odw::v1::script::Thrown DescribeSyntaxError(Realm* realm, const v8::TryCatch& caught,
                                            const std::string& refusal);

// The result as JSON. False when it has none: *problem then says why.
bool SerializeResult(Realm* realm, v8::Local<v8::Value> value, std::string* json,
                     std::string* problem);

}  // namespace odw::script
