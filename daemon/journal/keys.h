// The journal's keys, as FORMAT.md describes them. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace odw::journal {

// Column families, in the order in which they are made. FORMAT.md says what each holds.
inline constexpr const char* kFamilies[] = {"meta", "runs", "events", "blobs", "reuse", "index"};
inline constexpr char kSchemaKey[] = "schema";

// run_id '\0' big-endian seq: a run's events lie together, in order.
std::string EventKey(std::string_view run_id, uint64_t seq);
// The seq of an event key of this run; nullopt when the key is another run's or malformed.
std::optional<uint64_t> SeqOfEventKey(std::string_view key, std::string_view run_id);

// run_id '\0' digest.
std::string BlobKey(std::string_view run_id, std::string_view sha256);

// [run_id '\0', run_id '\1'): everything of a run in `events` or `blobs`.
std::string RunPrefix(std::string_view run_id);
std::string RunPrefixEnd(std::string_view run_id);

// In `index`: by time of submission, all runs and the open ones; by owner and idempotency key.
inline constexpr char kTimeIndex = 't';
inline constexpr char kOpenIndex = 'o';
inline constexpr char kKeyIndex = 'k';

std::string TimeKey(char index, int64_t submitted_unix_ms, std::string_view run_id);
// The run id at the end of a TimeKey; empty when malformed.
std::string_view RunOfTimeKey(std::string_view key);
std::string IdempotencyKey(std::string_view owner, std::string_view key);

}  // namespace odw::journal
