// Finished results on the executor's own disk until the daemon has them durably: one append-only file,
// each entry with a checksum, so that a thousand results cost one write. No fsync: it guards against a
// process's death, not the machine's. Format and damage rules: README.md, "The spool".
// Single-threaded (the loop's thread).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "daemon/base/fd.h"
#include "daemon/base/status.h"

namespace odw::executors {

inline constexpr uint64_t kSpoolBytesMaxDefault = 512ull << 20;
inline constexpr uint32_t kSpoolEntryBytesMax = 160u << 20;

struct SpoolEntry {
  std::string token;
  std::string payload;  // a serialized odw.v1.Result; the spool does not look inside
};

class Spool {
 public:
  // Reads what is there, in `folder`/results.log (made if missing). A torn or damaged entry is skipped and
  // counted: its attempt is lost, the others are kept. Fails only when the file cannot be read or made.
  static absl::StatusOr<std::unique_ptr<Spool>> Open(const std::string& folder, uint64_t bytes_max);

  // Adds entries in order, with one write. On failure (a full disk) nothing was added.
  absl::Status Append(const std::vector<SpoolEntry>& entries);
  // The payload of a live entry. NotFound for any other token; DataLoss when its bytes have changed.
  absl::StatusOr<std::string> Read(const std::string& token) const;
  // Forgets entries; unknown tokens are passed over. A failure to record this only means that they are
  // offered once more after a restart.
  void Drop(const std::vector<std::string>& tokens);

  // Live tokens in the order in which they were added.
  std::vector<std::string> Tokens() const;
  bool Holds(const std::string& token) const { return live_.contains(token); }
  // The bytes limit is reached: no task may start until something is acknowledged.
  bool Full() const { return live_bytes_ >= bytes_max_; }
  uint32_t damaged_regions() const { return damaged_regions_; }
  uint64_t file_bytes() const { return file_bytes_; }

 private:
  struct Place {
    uint64_t serial;  // order of arrival
    uint64_t offset;
    uint64_t size;  // of the whole entry
  };
  Spool(std::string path, UniqueFd fd, uint64_t bytes_max)
      : path_(std::move(path)), bytes_max_(bytes_max), fd_(std::move(fd)) {}
  absl::Status Load();
  void Scan(const char* data, uint64_t size);
  void Remember(const std::string& token, uint64_t offset, uint64_t size);
  void Forget(const std::string& token);
  absl::Status WriteAtEnd(const std::string& bytes);
  void CompactIfWorthwhile();
  absl::Status Compact();

  const std::string path_;
  const uint64_t bytes_max_;
  UniqueFd fd_;
  uint64_t file_bytes_ = 0;
  uint64_t live_bytes_ = 0;
  uint64_t next_serial_ = 1;
  uint32_t damaged_regions_ = 0;
  absl::flat_hash_map<std::string, Place> live_;
};

}  // namespace odw::executors
