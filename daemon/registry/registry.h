// Looks up saved workflows, one question at a time on a thread of its own, so that neither the core nor
// gRPC waits for a disk or for the loader. SPEC H5, H8, M.
//
// Threads: as model::WorkflowRegistry. Stop before what the callbacks use goes away.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "daemon/base/mutex.h"
#include "daemon/model/script_loader.h"
#include "daemon/model/workflow_registry.h"
#include "daemon/registry/catalogue.h"
#include "daemon/registry/places.h"

namespace odw::registry {

struct RegistryOptions {
  UserFolders user;
  std::vector<std::string> script_folders;  // beside a run's project: where scriptPath may point
  uint32_t script_chars_max = 524288;
};

class Registry : public model::WorkflowRegistry {
 public:
  Registry(RegistryOptions options, model::ScriptLoader* loader);
  ~Registry() override;

  // ResourceExhausted when too many questions wait, Unavailable once stopped.
  void Find(model::WorkflowQuery query,
            std::function<void(absl::StatusOr<model::FoundWorkflow>)> done) override;
  void List(std::string cwd,
            std::function<void(absl::StatusOr<v1::ListWorkflowsResponse>)> done) override;
  model::Surroundings Survey(const std::string& cwd) override;

  // Answers what waits with Unavailable; nothing is called after it returns. Idempotent.
  void Stop();

 private:
  // Runs on the thread; told why when it will not be answered.
  using Task = std::function<void(const absl::Status& refused)>;

  void Post(Task task);
  void Loop();
  absl::StatusOr<model::FoundWorkflow> FindNow(const model::WorkflowQuery& query);
  absl::StatusOr<model::FoundWorkflow> FindByPath(const model::WorkflowQuery& query,
                                                  const std::string& cwd, const std::string& path);
  absl::StatusOr<model::FoundWorkflow> ReadFound(const std::string& path,
                                                 const model::WorkflowQuery& query);
  std::string FindInPlaces(const std::vector<Place>& places, const std::string& name,
                           v1::Dialect dialect, std::vector<std::string>* available);
  std::string FindByFileName(const std::vector<Place>& places, const std::string& name);
  v1::ListWorkflowsResponse ListNow(const std::string& cwd);
  std::vector<Place> PlacesFor(const std::string& name, const std::string& cwd,
                               std::string* bare) const;

  const RegistryOptions options_;
  Catalogue catalogue_;  // the thread's own

  Mutex mutex_;
  CondVar wake_;
  std::deque<Task> tasks_ ODW_GUARDED_BY(mutex_);
  bool stopping_ ODW_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last
};

}  // namespace odw::registry
