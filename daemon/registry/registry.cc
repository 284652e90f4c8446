#include "daemon/registry/registry.h"

#include <set>
#include <utility>

#include "daemon/registry/agent_files.h"
#include "daemon/registry/repository.h"

namespace odw::registry {
namespace {

constexpr size_t kTasksMax = 4096;
constexpr size_t kAvailableShownMax = 50;

absl::Status UnknownName(const std::string& name, const std::vector<std::string>& available) {
  std::string names;
  std::set<std::string> shown;
  for (const std::string& known : available) {
    if (!shown.insert(known).second) continue;
    if (shown.size() > kAvailableShownMax) {
      names += ", …";
      break;
    }
    names += (names.empty() ? "" : ", ") + known;
  }
  return absl::NotFoundError("workflow('" + name + "'): no workflow with that name. Available: " +
                             (names.empty() ? "none" : names));
}

// Such a name must not lead out of the folder that it is looked for in.
bool IsFileName(const std::string& name) {
  return !name.empty() && name.find('/') == std::string::npos && name[0] != '.' &&
         name.find('\0') == std::string::npos;
}

bool LooksLikePath(const std::string& name) {
  const bool js = name.size() > 3 && name.compare(name.size() - 3, 3, ".js") == 0;
  return js || name.find('/') != std::string::npos;
}

}  // namespace

Registry::Registry(RegistryOptions options, model::ScriptLoader* loader)
    : options_(std::move(options)),
      catalogue_(loader, options_.script_chars_max),
      thread_([this] { Loop(); }) {}

Registry::~Registry() { Stop(); }

void Registry::Stop() {
  std::deque<Task> left;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    left.swap(tasks_);
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
  for (const Task& task : left) task(absl::UnavailableError("odwd is stopping"));
}

void Registry::Post(Task task) {
  absl::Status refused;
  {
    MutexLock lock(&mutex_);
    if (stopping_) {
      refused = absl::UnavailableError("odwd is stopping");
    } else if (tasks_.size() >= kTasksMax) {
      refused = absl::ResourceExhaustedError("limit: " + std::to_string(kTasksMax) +
                                             " look-ups of workflows wait; try again in a moment");
    } else {
      tasks_.push_back(std::move(task));
    }
  }
  if (refused.ok()) return wake_.NotifyOne();
  task(refused);
}

void Registry::Loop() {
  for (;;) {
    Task task;
    {
      MutexLock lock(&mutex_);
      while (tasks_.empty() && !stopping_) wake_.Wait(&mutex_);
      if (stopping_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task(absl::OkStatus());
  }
}

void Registry::Find(model::WorkflowQuery query,
                    std::function<void(absl::StatusOr<model::FoundWorkflow>)> done) {
  Post([this, query = std::move(query), done = std::move(done)](const absl::Status& refused) {
    if (!refused.ok()) return done(refused);
    done(FindNow(query));
  });
}

void Registry::List(std::string cwd,
                    std::function<void(absl::StatusOr<v1::ListWorkflowsResponse>)> done) {
  Post([this, cwd = std::move(cwd), done = std::move(done)](const absl::Status& refused) {
    if (!refused.ok()) return done(refused);
    done(ListNow(cwd));
  });
}

model::Surroundings Registry::Survey(const std::string& cwd) {
  model::Surroundings around;
  const std::string folder = ResolvedFolder(cwd);
  AgentScan scan = ScanAgents(folder, options_.user);
  around.agents = std::move(scan.agents);
  around.warnings = std::move(scan.warnings);
  if (!folder.empty()) {
    const std::string root = FindRepositoryRoot(folder);
    if (!root.empty()) around.base_commit = HeadCommit(root);
  }
  return around;
}

absl::StatusOr<model::FoundWorkflow> Registry::ReadFound(const std::string& path,
                                                         const model::WorkflowQuery& query) {
  absl::StatusOr<Catalogue::Script> script = catalogue_.Read(path, query.dialect);
  // A file that cannot be used is not a name that nobody has (SPEC H5).
  const std::string asked = query.name.empty() ? query.script_path : query.name;
  if (!script.ok()) {
    return absl::InvalidArgumentError("child workflow '" + asked + "' cannot run: " +
                                      MessageOf(script.status()));
  }
  if (!script->meta.ok) {
    return absl::InvalidArgumentError("child workflow '" + asked + "' cannot run: " +
                                      script->meta.problem);
  }
  const std::string file = path.substr(path.rfind('/') + 1);
  return model::FoundWorkflow{
      .name = script->meta.name.empty() ? file.substr(0, file.rfind('.')) : script->meta.name,
      .source = std::move(script->source),
      .path = path};
}

absl::StatusOr<model::FoundWorkflow> Registry::FindByPath(const model::WorkflowQuery& query,
                                                          const std::string& cwd,
                                                          const std::string& path) {
  std::vector<std::string> roots;
  if (!cwd.empty()) roots.push_back(ProjectRoot(cwd));
  if (!options_.user.config.empty()) {
    roots.push_back(ResolvedFolder(options_.user.config + "/workflows"));
  }
  for (const std::string& folder : options_.script_folders) {
    roots.push_back(ResolvedFolder(folder));
  }
  absl::StatusOr<std::string> resolved = ResolveScriptPath(path, cwd, roots);
  if (query.name == model::kSchemaFileName) {
    ODW_RETURN_IF_ERROR(resolved.status());
    ODW_ASSIGN_OR_RETURN(ScriptFile file, ReadScript(*resolved, options_.script_chars_max));
    return model::FoundWorkflow{
        .name = query.name, .source = std::move(file.source), .path = *std::move(resolved)};
  }
  if (!resolved.ok()) {
    return absl::InvalidArgumentError("workflow({scriptPath: '" + path +
                                      "'}): " + MessageOf(resolved.status()));
  }
  return ReadFound(*resolved, query);
}

std::vector<Place> Registry::PlacesFor(const std::string& name, const std::string& cwd,
                                       std::string* bare) const {
  const size_t colon = name.find(':');
  const std::string plugin = name.substr(0, colon);
  if (colon == std::string::npos || !IsFileName(plugin)) {
    *bare = name;
    return WorkflowPlaces(cwd, options_.user);
  }
  *bare = name.substr(colon + 1);
  if (options_.user.config.empty()) return {};
  return {{.folder = PluginFolder(options_.user, plugin, "workflows"), .name = "plugin:" + plugin}};
}

std::string Registry::FindInPlaces(const std::vector<Place>& places, const std::string& name,
                                   v1::Dialect dialect, std::vector<std::string>* available) {
  for (const Place& place : places) {
    for (const std::string& file : FilesIn(place.folder, ".js", kWorkflowsPerFolderMax).names) {
      const std::string path = place.folder + "/" + file;
      const ScriptMeta meta = catalogue_.MetaOf(path, dialect);
      if (meta.name.empty()) continue;  // one whose body is bad has a name, and says so when it runs
      if (meta.name == name) return path;
      available->push_back(meta.name);
    }
  }
  return "";
}

std::string Registry::FindByFileName(const std::vector<Place>& places, const std::string& name) {
  if (!IsFileName(name)) return "";
  for (const Place& place : places) {
    for (const char* prefix : {"", "odw-"}) {
      const std::string path = place.folder + "/" + prefix + name + ".js";
      if (StampOf(path).ok()) return path;
    }
  }
  return "";
}

absl::StatusOr<model::FoundWorkflow> Registry::FindNow(const model::WorkflowQuery& query) {
  const std::string cwd = ResolvedFolder(query.cwd);
  if ((query.name.empty() || query.name == model::kSchemaFileName) && !query.script_path.empty()) {
    return FindByPath(query, cwd, query.script_path);
  }
  std::string bare;
  std::vector<Place> places = PlacesFor(query.name, cwd, &bare);
  std::vector<std::string> available;
  std::string path = FindInPlaces(places, bare, query.dialect, &available);
  // SPEC O20: the original looked beside the run.
  const bool original = query.dialect == v1::ODW && !cwd.empty();
  if (path.empty() && original) places.push_back({.folder = cwd, .name = "odw"});
  if (path.empty()) path = FindByFileName(places, bare);
  if (!path.empty()) return ReadFound(path, query);
  if (!cwd.empty() && LooksLikePath(query.name)) {  // either dialect (SPEC O20)
    absl::StatusOr<model::FoundWorkflow> found = FindByPath(query, cwd, query.name);
    if (found.ok() || StampOf(cwd + "/" + query.name).ok()) return found;
  }
  return UnknownName(query.name, available);
}

v1::ListWorkflowsResponse Registry::ListNow(const std::string& cwd) {
  std::vector<Place> places = WorkflowPlaces(ResolvedFolder(cwd), options_.user);
  for (const std::string& plugin : Plugins(options_.user)) {
    places.push_back({.folder = PluginFolder(options_.user, plugin, "workflows"),
                      .name = "plugin:" + plugin});
  }
  v1::ListWorkflowsResponse response;
  std::set<std::string> names;
  for (const Place& place : places) {
    const bool plugin = place.name.rfind("plugin:", 0) == 0;
    const std::string prefix = plugin ? place.name.substr(place.name.find(':') + 1) + ":" : "";
    for (const std::string& file : FilesIn(place.folder, ".js", kWorkflowsPerFolderMax).names) {
      const std::string path = place.folder + "/" + file;
      const ScriptMeta meta = catalogue_.MetaOf(path, v1::DIALECT_UNSPECIFIED);
      v1::SavedWorkflow* shown = response.add_workflows();
      // The original's form may have no meta: it goes by its file's name. One with a bad meta has no
      // name at all (SPEC M3).
      const std::string name =
          meta.name.empty() && meta.named_by_file ? file.substr(0, file.rfind('.')) : meta.name;
      if (!name.empty()) shown->set_name(prefix + name);
      shown->set_description(meta.description);
      shown->set_when_to_use(meta.when_to_use);
      shown->set_path(path);
      shown->set_place(place.name);
      shown->set_problem(meta.problem);
      if (!name.empty()) shown->set_shadowed(!names.insert(shown->name()).second);
    }
  }
  return response;
}

}  // namespace odw::registry
