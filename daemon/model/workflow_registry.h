// Saved workflows and agent files, as a run in some folder sees them (SPEC D9, H, M). Implemented by
// daemon/registry, which reads files and never runs code.
//
// Threads: every method by any. `done` is called once, on the registry's thread or at once, and must
// not block.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "daemon/base/status.h"
#include "odw/v1/control.pb.h"
#include "odw/v1/journal.pb.h"

namespace odw::model {

// As the name in a query: script_path is a JSON Schema's file (SPEC O3), read as it is, from where a
// script may be. The script host asks so by a WORKFLOW call of this name, and takes `source`.
inline constexpr char kSchemaFileName[] = "@schema";

struct WorkflowQuery {
  std::string cwd;          // the run's; empty or missing: only what belongs to the user
  std::string name;         // or else
  std::string script_path;  // relative: against cwd
  v1::Dialect dialect = v1::DIALECT_UNSPECIFIED;  // as which it is checked; unspecified: as found
};

struct FoundWorkflow {
  std::string name;    // its meta's
  std::string source;
  std::string path;
};

// What a run takes from the folders around it when it is submitted.
struct Surroundings {
  std::vector<v1::AgentDefinition> agents;
  std::string base_commit;  // HEAD of cwd's repository, hex; empty: none
  std::vector<std::string> warnings;
};

class WorkflowRegistry {
 public:
  virtual ~WorkflowRegistry() = default;

  // NotFound: "workflow('x'): no workflow with that name. Available: ..." (SPEC H5). InvalidArgument or
  // PermissionDenied, which never begin so: a file that cannot be used, with its line and column.
  virtual void Find(WorkflowQuery query,
                    std::function<void(absl::StatusOr<FoundWorkflow>)> done) = 0;

  virtual void List(std::string cwd,
                    std::function<void(absl::StatusOr<v1::ListWorkflowsResponse>)> done) = 0;

  // Reads files on the calling thread. What is missing is left out; what is wrong is a warning.
  virtual Surroundings Survey(const std::string& cwd) = 0;
};

}  // namespace odw::model
