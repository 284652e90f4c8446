// A script's body as an async function of the realm (SPEC B6): top-level await and return work, the
// names it declares shadow the globals, and line and column numbers are the file's.
#pragma once

#include <string>
#include <string_view>

#include "v8.h"

namespace odw::script {

// The source with its hashbang and the `export` of its first statement blanked out, byte for byte,
// so that places stay the same. What is not there is left alone.
std::string BlankExport(std::string_view source);

// Compiles without running anything. Empty when it does not compile: then the caller's TryCatch
// holds a SyntaxError, or *refusal says why a source that compiles is refused: it would end the
// function that it is put in (SPEC P9). `async_function` is the realm's own AsyncFunction
// constructor. REQUIRES: inside `context`.
v8::MaybeLocal<v8::Function> CompileBody(v8::Local<v8::Context> context,
                                         v8::Local<v8::Function> async_function,
                                         const std::string& script_name, std::string_view source,
                                         std::string* refusal);

}  // namespace odw::script
