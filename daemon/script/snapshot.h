// The start-up snapshot: the realm of a workflow script (core-js subset and prelude), the loader's
// realm (acorn) and the validator's (ajv), made at build time and embedded in the binary.
#pragma once

#include <string>

#include "daemon/base/status.h"
#include "v8.h"

namespace odw::script {

// Which context of the snapshot. The script's realm is the default context.
enum class ToolRealm : size_t { kLoad = 0, kValidate = 1 };

// Slots of a context's embedder data.
inline constexpr int kRealmSlot = 1;      // the Realm that a script's context belongs to
inline constexpr int kInternalsSlot = 2;  // what the context's bundle exports to the host

// The blob in this binary. Empty in the binary that makes it.
v8::StartupData* EmbeddedSnapshot();

// Runs the bundles in `js_folder` (bundle.mjs) and returns the blob.
absl::StatusOr<std::string> MakeSnapshot(const std::string& js_folder);

}  // namespace odw::script
