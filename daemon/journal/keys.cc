#include "daemon/journal/keys.h"

namespace odw::journal {
namespace {

constexpr size_t kNumberBytes = 8;

void AppendBigEndian(uint64_t number, std::string* out) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(number >> shift));
}

uint64_t ReadBigEndian(std::string_view bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < kNumberBytes; ++i)
    number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

std::string WithSeparator(std::string_view run_id, char separator, size_t more) {
  std::string key;
  key.reserve(run_id.size() + 1 + more);
  key.append(run_id);
  key.push_back(separator);
  return key;
}

}  // namespace

std::string EventKey(std::string_view run_id, uint64_t seq) {
  std::string key = WithSeparator(run_id, '\0', kNumberBytes);
  AppendBigEndian(seq, &key);
  return key;
}

std::optional<uint64_t> SeqOfEventKey(std::string_view key, std::string_view run_id) {
  if (key.size() != run_id.size() + 1 + kNumberBytes) return std::nullopt;
  if (key.substr(0, run_id.size()) != run_id || key[run_id.size()] != '\0') return std::nullopt;
  return ReadBigEndian(key.substr(run_id.size() + 1));
}

std::string BlobKey(std::string_view run_id, std::string_view sha256) {
  std::string key = WithSeparator(run_id, '\0', sha256.size());
  key.append(sha256);
  return key;
}

std::string RunPrefix(std::string_view run_id) { return WithSeparator(run_id, '\0', 0); }
std::string RunPrefixEnd(std::string_view run_id) { return WithSeparator(run_id, '\1', 0); }

std::string TimeKey(char index, int64_t submitted_unix_ms, std::string_view run_id) {
  std::string key(1, index);
  // Times before 1970 do not occur; a negative one sorts first rather than last.
  AppendBigEndian(submitted_unix_ms < 0 ? 0 : static_cast<uint64_t>(submitted_unix_ms), &key);
  key.append(run_id);
  return key;
}

std::string_view RunOfTimeKey(std::string_view key) {
  return key.size() <= 1 + kNumberBytes ? std::string_view() : key.substr(1 + kNumberBytes);
}

std::string IdempotencyKey(std::string_view owner, std::string_view key) {
  std::string out(1, kKeyIndex);
  out.append(owner);
  out.push_back('\0');
  out.append(key);
  return out;
}

}  // namespace odw::journal
