// The parent of all script hosts: one `odw-script --zygote` process that forks a host in about a
// millisecond. Restarted when it dies; its hosts live on without it.
//
// Threads: one, the owner's of `poller`.
#pragma once

#include <functional>
#include <string>

#include "daemon/base/fd.h"
#include "daemon/base/frame.h"
#include "daemon/base/poller.h"
#include "daemon/base/subprocess.h"

namespace odw::hosts {

class Zygote {
 public:
  Zygote(std::string binary, Poller* poller);
  ~Zygote();

  // Starts the process. The first fork waits for it, so call early.
  absl::Status Start();

  // Asks for a host and returns our end of its socket at once. A fork that fails, or a zygote that dies
  // first, shows as the end of that stream. Unavailable when no zygote can be started.
  absl::StatusOr<UniqueFd> Fork();

  pid_t pid() const { return process_.pid(); }

 private:
  void OnReadable();
  void OnGone();

  const std::string binary_;
  Poller* const poller_;
  Subprocess process_;
  UniqueFd control_;
  FrameReader reader_;
  uint64_t last_id_ = 0;
};

}  // namespace odw::hosts
