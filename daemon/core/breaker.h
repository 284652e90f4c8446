// One circuit breaker a (runtime, provider, key): after five calls in a row that failed with what says
// nothing about the call (key refused, account empty, no connection, no capacity), nothing more is sent
// for a while; then one call tries again, and its end decides.
//
//   closed ── 5 failures in a row ──▶ open ── its time is over ──▶ one attempt at a time
//      ▲                               ▲                                │
//      └── the provider answers ───────┼──────── it answers ◀───────────┤
//                                      └─ it fails: twice as long ◀─────┘
//
// Rebuilt at a restart, not folded: a provider that still fails is noticed again. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "odw/v1/executor.pb.h"

namespace odw::core {

class Breakers {
 public:
  // Empty, and so never open, for runtimes that have no provider behind them.
  static std::string NameOf(const v1::Register& executor, const std::string& provider);

  // Some circuit is not closed: the others need not be asked.
  bool any_open() const { return open_ > 0; }
  // An attempt may be sent: closed, or its time is over and no other attempt tries it.
  bool Admits(const std::string& circuit, absl::Time now) const;

  // Nothing is sent before `until`.
  struct Shut {
    absl::Time until;
    v1::Error error;    // what a call that is not sent fails with
    bool fresh = false; // it has opened in this step: what waits has failed with it
  };
  std::optional<Shut> ShutAt(const std::string& circuit, absl::Time now) const;
  void EndStep();

  void Start(const std::string& circuit, const std::string& token);
  // What became of an attempt that was started. Unknown tokens are passed over.
  void Succeeded(const std::string& token);
  void Failed(const std::string& token, const v1::Error& error, absl::Time now);
  void Release(const std::string& token);

  // Why a circuit is not closed; empty: it is.
  std::string WhyShut(const std::string& circuit) const;

  struct Open {
    std::string runtime, provider, key_id;
    absl::Time retry_at;
    std::string why;
  };
  // Those that are not closed, in the order of their names.
  std::vector<Open> AllOpen(absl::Time now) const;

 private:
  struct Circuit {
    uint32_t failures = 0;     // in a row
    bool open = false;
    bool fresh = false;
    absl::Duration hold;       // as long as it was last opened for
    absl::Time until = absl::InfinitePast();
    std::string probe;         // the token of the attempt that tries it; empty: none
    uint64_t opened_at = 0;    // attempts up to this serial say nothing of what is now
    v1::Error last;
  };
  struct UnderWay {
    std::string circuit;
    uint64_t serial = 0;
  };

  void Close(Circuit* circuit);

  absl::flat_hash_map<std::string, Circuit> circuits_;
  absl::flat_hash_map<std::string, UnderWay> under_way_;  // by token
  uint64_t last_serial_ = 0;
  uint32_t open_ = 0;
};

}  // namespace odw::core
