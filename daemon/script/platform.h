// V8 for this process: its flags, its platform, its memory for array buffers. Main thread only.
// This file's source is compiled without RTTI, since libnode has none.
#pragma once

#include <cstddef>
#include <memory>

#include "v8.h"

namespace odw::script {

// Sets TZ, the locale and V8's flags, then initialises V8: single-threaded, no JIT, no WebAssembly,
// a clock that stands still. Makes no isolate and no thread. REQUIRES: once a process, at the
// start.
void InitV8();

// Runs what V8 has put off (steps of garbage collection). Never runs script code.
void PumpV8Tasks(v8::Isolate* isolate);

// Array buffers up to `bytes_max` in all; past it a script gets a RangeError.
std::unique_ptr<v8::ArrayBuffer::Allocator> MakeBoundedAllocator(size_t bytes_max);

}  // namespace odw::script
