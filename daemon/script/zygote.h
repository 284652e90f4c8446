// The process that hosts are forked from: V8 is initialised and the snapshot mapped, but there is
// no isolate and no second thread, so a fork is safe and costs a few pages.
#pragma once

namespace odw::script {

// Serves ZygoteRequest frames on `control_fd` until its other end closes. Returns the exit status,
// in the zygote; in each forked host it does not return.
int RunZygote(int control_fd);

}  // namespace odw::script
