#include "daemon/registry/catalogue.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "daemon/base/mutex.h"

namespace odw::registry {
namespace {

constexpr size_t kProblemsShownMax = 5;

// The loader answers on a thread of its own; the registry's waits for it.
class Answer {
 public:
  void Set(absl::StatusOr<v1::script::LoadReply> reply) {
    MutexLock lock(&mutex_);
    reply_ = std::move(reply);
    known_ = true;
    changed_.NotifyAll();
  }
  absl::StatusOr<v1::script::LoadReply> Wait() {
    MutexLock lock(&mutex_);
    while (!known_) changed_.Wait(&mutex_);
    return std::move(reply_);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool known_ ODW_GUARDED_BY(mutex_) = false;
  absl::StatusOr<v1::script::LoadReply> reply_ ODW_GUARDED_BY(mutex_);
};

std::string Describe(const std::string& path, const v1::script::LoadReply& reply) {
  std::string text;
  size_t shown = 0;
  for (const v1::script::Problem& problem : reply.problems()) {
    if (problem.warning() || ++shown > kProblemsShownMax) continue;
    text += (text.empty() ? "" : "\n") + path;
    if (problem.line() > 0) {
      text += ":" + std::to_string(problem.line()) + ":" + std::to_string(problem.column());
    }
    text += ": " + problem.message();
  }
  return text.empty() ? path + ": refused without a reason" : text;
}

std::string WhenToUse(const std::string& meta_json) {
  const auto meta = nlohmann::json::parse(meta_json, nullptr, /*allow_exceptions=*/false);
  if (!meta.is_object() || !meta.contains("whenToUse") || !meta["whenToUse"].is_string()) return "";
  return meta["whenToUse"].get<std::string>();
}

std::string KeyOf(const std::string& path, v1::Dialect dialect) {
  return std::to_string(dialect) + path;
}

}  // namespace

ScriptMeta Catalogue::Load(const std::string& path, const std::string& source,
                           v1::Dialect dialect) {
  v1::script::LoadRequest request;
  request.set_script_name(path.substr(path.rfind('/') + 1));
  request.set_source(source);
  request.set_dialect(dialect);
  const auto answer = std::make_shared<Answer>();
  loader_->Load(std::move(request), [answer](absl::StatusOr<v1::script::LoadReply> reply) {
    answer->Set(std::move(reply));
  });
  const absl::StatusOr<v1::script::LoadReply> reply = answer->Wait();
  ScriptMeta meta;
  if (!reply.ok()) {
    meta.problem = path + ": " + MessageOf(reply.status());
    meta.checked = false;
    return meta;
  }
  meta.ok = reply->ok();
  meta.name = reply->name();
  meta.description = reply->description();
  meta.when_to_use = WhenToUse(reply->meta_json());
  meta.named_by_file = meta.name.empty() && (meta.ok || reply->dialect() == v1::ODW);
  if (!meta.ok) meta.problem = Describe(path, *reply);
  return meta;
}

const ScriptMeta* Catalogue::Known(const std::string& key, const FileStamp& stamp) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  if (!(found->second.stamp == stamp)) {
    uses_.erase(found->second.use);
    entries_.erase(found);
    return nullptr;
  }
  uses_.splice(uses_.end(), uses_, found->second.use);
  return &found->second.meta;
}

void Catalogue::Remember(const std::string& key, const FileStamp& stamp, const ScriptMeta& meta) {
  uses_.push_back(key);
  entries_[key] = {.stamp = stamp, .meta = meta, .use = std::prev(uses_.end())};
  if (entries_.size() <= kCatalogueEntriesMax) return;
  entries_.erase(uses_.front());
  uses_.pop_front();
}

ScriptMeta Catalogue::MetaOf(const std::string& path, v1::Dialect dialect) {
  const absl::StatusOr<FileStamp> stamp = StampOf(path);
  if (stamp.ok()) {
    if (const ScriptMeta* known = Known(KeyOf(path, dialect), *stamp)) return *known;
  }
  absl::StatusOr<Script> script = Read(path, dialect);
  if (script.ok()) return std::move(script->meta);
  return {.problem = MessageOf(script.status())};
}

absl::StatusOr<Catalogue::Script> Catalogue::Read(const std::string& path, v1::Dialect dialect) {
  ODW_ASSIGN_OR_RETURN(ScriptFile file, ReadScript(path, script_chars_max_));
  const std::string key = KeyOf(path, dialect);
  Script script{.source = std::move(file.source)};
  if (const ScriptMeta* known = Known(key, file.stamp)) {
    script.meta = *known;
  } else {
    script.meta = Load(path, script.source, dialect);
    if (script.meta.checked) Remember(key, file.stamp, script.meta);
  }
  return script;
}

}  // namespace odw::registry
