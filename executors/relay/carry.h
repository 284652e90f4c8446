// One connection through the relay, from its first byte to its last.
#pragma once

#include <netinet/in.h>

#include "daemon/base/fd.h"
#include "executors/relay/relay.h"

namespace odw::executors {

// Blocks until either side is done. `inside`: accepted from the command. Where the API speaks TLS
// it must ask for a tunnel to just this address; any other is refused. Without a connection to the
// API the command's own is closed, which it takes for a network error.
void CarryConnection(UniqueFd inside, const ApiAddress& api);

// 127.0.0.1, any port.
sockaddr_in LoopbackAddress();

}  // namespace odw::executors
