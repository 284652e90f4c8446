// --load: checks a script without running it (load/main.js), then lets V8 compile it.
#pragma once

namespace odw::script {

// Serves LoadRequest frames until the end of standard input. The exit status.
int RunLoader();

}  // namespace odw::script
