// How many attempts a provider takes at a time (DESIGN, scheduling): as many as there are slots, until it
// says "later". Then half of what was under way, and from there one more each time as many have
// succeeded as are allowed, until the old number is reached. One lane is one (runtime, provider).
// Rebuilt at a restart, not folded: a provider that still says "later" says it again. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "odw/v1/types.pb.h"

namespace odw::core {

class Lanes {
 public:
  // Empty, and so without a limit, for runtimes that have no provider behind them.
  static std::string NameOf(const std::string& runtime, const std::string& provider);

  bool HasRoom(const std::string& lane) const;
  // 0: not limited.
  uint32_t LimitOf(const std::string& lane) const;

  struct Limited {
    std::string runtime, provider;
    uint32_t limit = 0;
  };
  std::vector<Limited> AllLimited() const;  // in the order of their names

  void Start(const std::string& lane, const std::string& token);
  // What the provider said to an attempt that is under way. Unknown tokens are passed over.
  void Succeeded(const std::string& token);
  void Refused(const std::string& token, v1::ErrorCategory category);
  void Release(const std::string& token);

 private:
  struct Lane {
    uint32_t under_way = 0;
    uint32_t limit = 0;       // 0: none
    uint32_t peak = 0;        // what was under way when it was first limited
    uint32_t successes = 0;   // since the limit last changed
    uint64_t limited_at = 0;  // attempts up to this serial started under an older limit
  };
  struct UnderWay {
    std::string lane;
    uint64_t serial = 0;
  };
  absl::flat_hash_map<std::string, Lane> lanes_;
  absl::flat_hash_map<std::string, UnderWay> under_way_;  // by token
  uint64_t last_serial_ = 0;
};

}  // namespace odw::core
