// The start-up snapshots: the realm of a workflow script (core-js subset and prelude), the loader's
// (acorn) and the validator's (ajv), made at build time and embedded in the binary. One each, so
// that a script host does not carry the tools.
#pragma once

#include <string>

#include "daemon/base/status.h"
#include "v8.h"

namespace odw::script {

enum class Snapshot { kScript, kLoad, kValidate };

// Slots of a context's embedder data.
inline constexpr int kRealmSlot = 1;      // the Realm that a script's context belongs to
inline constexpr int kInternalsSlot = 2;  // what the context's bundle exports to the host

// The blob in this binary; null in the binary that makes them.
v8::StartupData* EmbeddedSnapshot(Snapshot which);

// Runs the bundles in `js_folder` (bundle.mjs) and writes script.snapshot, load.snapshot and
// validate.snapshot to `out_folder`.
absl::Status MakeSnapshots(const std::string& js_folder, const std::string& out_folder);

}  // namespace odw::script
