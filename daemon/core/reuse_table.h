// Results of an ended run that a run resumed from it may be answered with (SPEC K). Plain data, made
// by an adapter (daemon/loop/reuse_reader.h), never changed after.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "odw/v1/types.pb.h"

namespace odw::core {

// A success: only those are reusable (SPEC K6, K12).
struct Reusable {
  uint64_t node = 0;        // in the run it comes from
  v1::Blob value;           // as that run keeps it; not inline: its bytes are read from that run
  bool is_json = false;
  std::string model;
  v1::Usage usage;          // what it had cost
};

struct ReuseTable {
  std::string run_id;       // whose results these are
  absl::flat_hash_map<std::string, Reusable> by_key;  // NodeCalled.reuse_key
  // Every agent call of that run in call order, for RESUME_PREFIX: its reuse key, empty where it did
  // not end in a success.
  std::vector<std::string> calls;
};

}  // namespace odw::core
