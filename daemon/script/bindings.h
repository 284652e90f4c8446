// The native functions that the prelude calls, as `host` in prelude/host.js. Each finds its Realm
// by the context it runs in, and does nothing outside a run.
#pragma once

#include <cstdint>

#include "v8.h"

namespace odw::script {

// Null-terminated; the same list where the snapshot is made and where it is used.
const intptr_t* ExternalReferences();

v8::Local<v8::Object> MakeHostObject(v8::Local<v8::Context> context);

}  // namespace odw::script
