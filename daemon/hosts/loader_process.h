// The script loader: one `odw-script --load` process behind a thread and a cache by content. A script
// that hangs or kills the process costs that one request an error; a new process serves the next.
//
// Threads: Load by any; answers come on the loader's thread, or at once from the cache.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <string>
#include <thread>

#include "absl/container/flat_hash_map.h"
#include "daemon/base/frame.h"
#include "daemon/base/mutex.h"
#include "daemon/base/subprocess.h"
#include "daemon/model/script_loader.h"

namespace odw::hosts {

class LoaderProcess : public model::ScriptLoader {
 public:
  explicit LoaderProcess(std::string binary);
  ~LoaderProcess() override;

  void Load(v1::script::LoadRequest request,
            std::function<void(absl::StatusOr<v1::script::LoadReply>)> done) override;

 private:
  struct Job {
    v1::script::LoadRequest request;
    std::string key;
    std::function<void(absl::StatusOr<v1::script::LoadReply>)> done;
  };

  void Loop();
  absl::Status StartProcess();
  absl::StatusOr<v1::script::LoadReply> Ask(const v1::script::LoadRequest& request);
  void Remember(const std::string& key, const v1::script::LoadReply& reply);

  const std::string binary_;

  Mutex mutex_;
  CondVar wake_;
  std::deque<Job> jobs_ ODW_GUARDED_BY(mutex_);
  bool stopping_ ODW_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<std::string, v1::script::LoadReply> cache_ ODW_GUARDED_BY(mutex_);
  std::list<std::string> cache_order_ ODW_GUARDED_BY(mutex_);

  // The loader thread's own.
  Subprocess process_;
  UniqueFd socket_;
  FrameReader reader_;

  std::thread thread_;  // last
};

}  // namespace odw::hosts
