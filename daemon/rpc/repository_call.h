// What nodes with a worktree changed, as a command for the executor that has their repository. Pure;
// thread-safe.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "daemon/base/status.h"
#include "odw/v1/control.pb.h"
#include "odw/v1/executor.pb.h"
#include "odw/v1/journal.pb.h"

namespace odw::rpc {

// The worktrees that a run's nodes ended with.
class RunWorktrees {
 public:
  // In order; every event of the run.
  void Apply(const v1::Event& event);

  struct Command {
    v1::RepositoryCommand command;  // without its id
    std::string executor_id;        // that ran the first of the nodes
  };
  // `node` 0: every node that changed something, in call order. NotFound: no such change.
  // FailedPrecondition: they are of several repositories, or what one of them changed could not be
  // captured and stands in a folder of its own.
  absl::StatusOr<Command> Make(const v1::RepositoryRequest& request) const;

 private:
  struct Change {
    uint64_t node = 0;
    v1::Worktree worktree;
    std::string executor_id;
    uint32_t attempt = 0;
    bool settled = false;  // by that attempt
  };
  Change* Find(uint64_t node);
  std::string WhyKept(const v1::RepositoryRequest& request) const;
  std::string WhyNothing(const v1::RepositoryRequest& request) const;

  absl::flat_hash_map<uint64_t, bool> isolated_;  // of every agent call: whether it has a worktree
  absl::flat_hash_map<std::string, std::string> executor_of_;  // attempt name -> executor id
  std::vector<Change> changes_;
  std::map<uint64_t, v1::Worktree> kept_;  // of settled or failed nodes: folders left as they are
};

v1::RepositoryResponse ToResponse(const v1::RepositoryReply& reply);

}  // namespace odw::rpc
