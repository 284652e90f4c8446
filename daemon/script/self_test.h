// --self-test: issues each forbidden system call from inside the sandbox, then runs a script there.
#pragma once

namespace odw::script {

// Prints a table. The exit status: 0 only if every call was refused and the script ran.
int RunSelfTest();

}  // namespace odw::script
