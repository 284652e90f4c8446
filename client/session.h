// What the verbs share: the global flags, the console, and the daemon, found (or started) when the
// first call needs it. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "client/connection/control_client.h"
#include "client/console.h"
#include "client/private_daemon/private_daemon.h"

namespace odw::client {

struct GlobalFlags {
  std::string state;       // --state
  std::string daemon;      // --daemon or $ODW_DAEMON; empty: the private daemon
  std::string token_file;  // --token-file or $ODW_TOKEN_FILE
};

class Session {
 public:
  GlobalFlags& flags() { return flags_; }
  Console& console() { return console_; }
  // Called as `odw`: the original's defaults (commands/README.md).
  bool as_odw() const { return as_odw_; }
  void set_as_odw(bool as_odw) { as_odw_ = as_odw; }
  // The executors that a private daemon is to have; set before the first call.
  void set_wish(ExecutorWish wish) { wish_ = std::move(wish); }

  // The connection; a private daemon is started where none runs.
  absl::StatusOr<ControlClient*> Client();
  // Forgets the connection, so that the next call looks for the daemon anew (and starts it again).
  void Disconnect() { client_.reset(); }

  // `call` on the connection; once more on a new one when the daemon went away in between. For
  // calls that may be made twice without harm.
  template <typename Response>
  absl::StatusOr<Response> Call(
      const std::function<absl::StatusOr<Response>(ControlClient&)>& call) {
    for (int tries_left = 1;; --tries_left) {
      ODW_ASSIGN_OR_RETURN(ControlClient* const client, Client());
      absl::StatusOr<Response> response = call(*client);
      if (response.ok() || !absl::IsUnavailable(response.status()) || tries_left == 0) {
        return response;
      }
      Disconnect();
    }
  }

  // `call` on the connection, made once: for calls that change something each time.
  template <typename Response>
  absl::StatusOr<Response> CallOnce(
      const std::function<absl::StatusOr<Response>(ControlClient&)>& call) {
    ODW_ASSIGN_OR_RETURN(ControlClient* const client, Client());
    return call(*client);
  }

  // Where the daemon is, without starting one.
  absl::StatusOr<Endpoint> FindDaemon();
  absl::StatusOr<StateFolder> Folder() const { return FindStateFolder(flags_.state); }
  bool uses_private_daemon() const { return flags_.daemon.empty(); }

 private:
  GlobalFlags flags_;
  Console console_;
  bool as_odw_ = false;
  ExecutorWish wish_;
  std::unique_ptr<ControlClient> client_;
};

}  // namespace odw::client
