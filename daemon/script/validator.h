// --validate: values against JSON Schemas (validate/main.js).
#pragma once

namespace odw::script {

// Serves ValidateRequest frames until the end of standard input. The exit status.
int RunValidator();

}  // namespace odw::script
