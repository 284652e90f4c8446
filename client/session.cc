#include "client/session.h"

namespace odw::client {

absl::StatusOr<ControlClient*> Session::Client() {
  if (client_ != nullptr) return client_.get();
  Endpoint endpoint;
  if (uses_private_daemon()) {
    ODW_ASSIGN_OR_RETURN(const StateFolder folder, Folder());
    ODW_ASSIGN_OR_RETURN(endpoint, EnsurePrivateDaemon(folder, wish_));
  } else {
    ODW_ASSIGN_OR_RETURN(endpoint, ParseEndpoint(flags_.daemon, flags_.token_file));
  }
  client_ = std::make_unique<ControlClient>(endpoint);
  return client_.get();
}

absl::StatusOr<Endpoint> Session::FindDaemon() {
  if (!uses_private_daemon()) return ParseEndpoint(flags_.daemon, flags_.token_file);
  ODW_ASSIGN_OR_RETURN(const StateFolder folder, Folder());
  return FindPrivateDaemon(folder);
}

}  // namespace odw::client
