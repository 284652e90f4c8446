// What `odwctl diff`, `apply` and `merge` did, as text for people and as JSON. Strings of strangers
// are made safe for a terminal, but for a diff's own bytes. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "odw/v1/control.pb.h"

namespace odw::client {

struct RepositoryOutcome {
  v1::RepositoryRequest::Kind kind = v1::RepositoryRequest::DIFF;
  std::vector<uint64_t> nodes;  // whose changes were taken; empty: not known
  v1::RepositoryResponse reply;
};

// Of a diff, the patches as git shows them. Of a change, the nodes, files and commit; or what stands
// in the way, a line a conflict. Nothing to do is said so.
std::string RepositoryText(const RepositoryOutcome& outcome);

// {"ok","nodes","files","conflicts":[{"path","what","node"}],"commit","diff","error"}
std::string RepositoryToJson(const RepositoryOutcome& outcome);

}  // namespace odw::client
