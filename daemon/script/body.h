// A script as code of a realm. Mostly its body becomes an async function (SPEC B6): top-level await
// and return work, and the names it declares shadow the globals. An odw script that exports its
// entry (SPEC O18) is compiled as the module that it is. Either way nothing is cut out or moved:
// line and column numbers are the file's. The isolate's thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "v8.h"

namespace odw::script {

struct BodySource {
  std::string name;       // in stacks
  std::string_view text;  // UTF-8
  uint32_t dialect = 1;   // odw.v1.Dialect
};

// One of the two.
struct Body {
  v8::Local<v8::Function> function;
  v8::Local<v8::Module> module;
};

// The source with its hashbang and the `export` of the declaration that it starts with blanked out,
// byte for byte, so that places stay the same. What is not there is left alone.
std::string BlankExport(std::string_view source);

// Compiles without running anything. False when it does not compile: then the caller's TryCatch
// holds a SyntaxError, or *refusal says why a source that compiles is refused: it would end the
// function that it is put in (SPEC P9). `async_function` is the realm's own AsyncFunction
// constructor. REQUIRES: inside `context`.
bool CompileBody(v8::Local<v8::Context> context, v8::Local<v8::Function> async_function,
                 const BodySource& source, Body* body, std::string* refusal);

// Runs a module's top level; the promise of its end. Empty with an exception pending.
v8::MaybeLocal<v8::Value> EvaluateModule(v8::Local<v8::Context> context,
                                         v8::Local<v8::Module> module);

}  // namespace odw::script
