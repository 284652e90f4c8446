// What the scripts on disk say of themselves: their meta, read by the loader and kept for as long as
// the file stays as it was. Never runs code. One thread.
#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "daemon/base/status.h"
#include "daemon/model/script_loader.h"
#include "daemon/registry/script_file.h"
#include "odw/v1/types.pb.h"

namespace odw::registry {

inline constexpr size_t kCatalogueEntriesMax = 4096;
// Scripts of one folder that are looked at.
inline constexpr size_t kWorkflowsPerFolderMax = 1000;

struct ScriptMeta {
  bool ok = false;
  std::string name, description, when_to_use;  // also of a script whose body is refused
  bool named_by_file = false;  // the original's form, without a meta
  std::string problem;  // !ok: "path:3:7: what", one line a problem
  bool checked = true;  // false: the loader itself failed, and is asked again next time
};

class Catalogue {
 public:
  Catalogue(model::ScriptLoader* loader, uint32_t script_chars_max)
      : loader_(loader), script_chars_max_(script_chars_max) {}

  // Of a script as it is now, from the cache where the file has not changed. A file that is no script
  // is a meta with a problem. Blocks while the loader works.
  ScriptMeta MetaOf(const std::string& path, v1::Dialect dialect);

  // With its bytes, which are those that were checked.
  struct Script {
    ScriptMeta meta;
    std::string source;
  };
  absl::StatusOr<Script> Read(const std::string& path, v1::Dialect dialect);

 private:
  struct Entry {
    FileStamp stamp;
    ScriptMeta meta;
    std::list<std::string>::iterator use;
  };
  ScriptMeta Load(const std::string& path, const std::string& source, v1::Dialect dialect);
  const ScriptMeta* Known(const std::string& key, const FileStamp& stamp);
  void Remember(const std::string& key, const FileStamp& stamp, const ScriptMeta& meta);

  model::ScriptLoader* const loader_;
  const uint32_t script_chars_max_;
  absl::flat_hash_map<std::string, Entry> entries_;
  std::list<std::string> uses_;  // the least recently used first
};

}  // namespace odw::registry
