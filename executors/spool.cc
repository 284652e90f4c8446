#include "executors/spool.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "daemon/base/log.h"
#include "daemon/base/sha256.h"

namespace odw::executors {
namespace {

constexpr uint32_t kMagic = 0x3153444f;  // "ODS1"
constexpr uint32_t kResult = 1;
constexpr uint32_t kDropped = 2;
constexpr uint32_t kTokenBytesMax = 256;
constexpr size_t kChecksumBytes = 8;
// Below this much garbage the file is not worth rewriting.
constexpr uint64_t kCompactSlackBytes = 4 << 20;
// An empty spool's file is cut back when it has grown past this.
constexpr uint64_t kTruncateAtBytes = 64 << 10;

struct Header {
  uint32_t magic;
  uint32_t kind;
  uint32_t token_bytes;
  uint32_t payload_bytes;
  char checksum[kChecksumBytes];  // of kind, both lengths, token and payload
};
static_assert(sizeof(Header) == 24);

void Checksum(const Header& header, std::string_view body, char out[kChecksumBytes]) {
  std::string all(reinterpret_cast<const char*>(&header.kind), 3 * sizeof(uint32_t));
  all.append(body);
  memcpy(out, Sha256(all).data(), kChecksumBytes);
}

void AppendEntry(uint32_t kind, std::string_view token, std::string_view payload, std::string* out) {
  Header header{.magic = kMagic, .kind = kind, .token_bytes = static_cast<uint32_t>(token.size()),
                .payload_bytes = static_cast<uint32_t>(payload.size()), .checksum = {}};
  const size_t start = out->size();
  out->append(sizeof header, '\0');
  out->append(token);
  out->append(payload);
  Checksum(header, std::string_view(*out).substr(start + sizeof header), header.checksum);
  memcpy(out->data() + start, &header, sizeof header);
}

// The entry at `data`, or false when it is torn or damaged.
bool ParseEntry(const char* data, uint64_t size, Header* header) {
  if (size < sizeof *header) return false;
  memcpy(header, data, sizeof *header);
  if (header->magic != kMagic || header->token_bytes > kTokenBytesMax ||
      header->payload_bytes > kSpoolEntryBytesMax) {
    return false;
  }
  const uint64_t body_bytes = uint64_t{header->token_bytes} + header->payload_bytes;
  if (size - sizeof *header < body_bytes) return false;
  char checksum[kChecksumBytes];
  Checksum(*header, std::string_view(data + sizeof *header, body_bytes), checksum);
  return memcmp(checksum, header->checksum, kChecksumBytes) == 0;
}

uint64_t EntryBytes(const Header& header) {
  return sizeof header + header.token_bytes + header.payload_bytes;
}

absl::Status PWriteAll(int fd, const std::string& bytes, uint64_t offset) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t wrote = pwrite(fd, bytes.data() + done, bytes.size() - done, offset + done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return ErrnoStatus("writing to the spool");
    done += static_cast<size_t>(wrote);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Spool>> Spool::Open(const std::string& folder, uint64_t bytes_max) {
  ODW_RETURN_IF_ERROR(MakeFolders(folder));
  const std::string path = folder + "/results.log";
  unlink((path + ".tmp").c_str());  // a compaction that died half-way
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd.valid()) return ErrnoStatus("opening " + path);
  std::unique_ptr<Spool> spool(new Spool(path, std::move(fd), bytes_max));
  ODW_RETURN_IF_ERROR(spool->Load());
  return spool;
}

absl::Status Spool::Load() {
  struct stat info;
  if (fstat(fd_.get(), &info) != 0) return ErrnoStatus("looking at " + path_);
  file_bytes_ = static_cast<uint64_t>(info.st_size);
  if (file_bytes_ == 0) return absl::OkStatus();
  void* map = mmap(nullptr, file_bytes_, PROT_READ, MAP_PRIVATE, fd_.get(), 0);
  if (map == MAP_FAILED) return ErrnoStatus("mapping " + path_);
  Scan(static_cast<const char*>(map), file_bytes_);
  munmap(map, file_bytes_);
  if (damaged_regions_ == 0) return absl::OkStatus();
  LogWarning("spool: " + std::to_string(damaged_regions_) + " damaged or torn part(s) of " + path_ +
             " skipped; the results there will be asked for again");
  // A fresh file: an append after a torn tail would otherwise hide behind it.
  return Compact();
}

void Spool::Scan(const char* data, uint64_t size) {
  bool damaged = false;
  uint64_t at = 0;
  while (at < size) {
    Header header;
    if (!ParseEntry(data + at, size - at, &header)) {
      if (!std::exchange(damaged, true)) ++damaged_regions_;
      const void* next = memchr(data + at + 1, static_cast<char>(kMagic & 0xff), size - at - 1);
      if (next == nullptr) return;
      at = static_cast<uint64_t>(static_cast<const char*>(next) - data);
      continue;
    }
    damaged = false;
    const std::string token(data + at + sizeof header, header.token_bytes);
    if (header.kind == kResult) {
      Remember(token, at, EntryBytes(header));
    } else if (header.kind == kDropped) {
      Forget(token);
    }
    at += EntryBytes(header);
  }
}

void Spool::Remember(const std::string& token, uint64_t offset, uint64_t size) {
  Forget(token);
  live_[token] = {next_serial_++, offset, size};
  live_bytes_ += size;
}

void Spool::Forget(const std::string& token) {
  const auto it = live_.find(token);
  if (it == live_.end()) return;
  live_bytes_ -= it->second.size;
  live_.erase(it);
}

absl::Status Spool::WriteAtEnd(const std::string& bytes) {
  const absl::Status status = PWriteAll(fd_.get(), bytes, file_bytes_);
  if (!status.ok()) {
    // Takes the torn part away again. Where even that fails, the next write covers it.
    if (ftruncate(fd_.get(), static_cast<off_t>(file_bytes_)) != 0) LogWarning("spool: cannot truncate");
    return status;
  }
  file_bytes_ += bytes.size();
  return absl::OkStatus();
}

absl::Status Spool::Append(const std::vector<SpoolEntry>& entries) {
  std::string bytes;
  std::vector<uint64_t> starts;
  for (const SpoolEntry& entry : entries) {
    starts.push_back(bytes.size());
    AppendEntry(kResult, entry.token, entry.payload, &bytes);
  }
  starts.push_back(bytes.size());
  const uint64_t base = file_bytes_;
  ODW_RETURN_IF_ERROR(WriteAtEnd(bytes));
  for (size_t i = 0; i < entries.size(); ++i) {
    Remember(entries[i].token, base + starts[i], starts[i + 1] - starts[i]);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Spool::Read(const std::string& token) const {
  const auto it = live_.find(token);
  if (it == live_.end()) return absl::NotFoundError("no spool entry for " + token);
  std::string bytes(it->second.size, '\0');
  const ssize_t got = pread(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(it->second.offset));
  Header header;
  if (got != static_cast<ssize_t>(bytes.size()) || !ParseEntry(bytes.data(), bytes.size(), &header)) {
    return absl::DataLossError("the spool entry of " + token + " is damaged");
  }
  return bytes.substr(sizeof header + header.token_bytes);
}

void Spool::Drop(const std::vector<std::string>& tokens) {
  std::string tombstones;
  for (const std::string& token : tokens) {
    if (!live_.contains(token)) continue;
    Forget(token);
    AppendEntry(kDropped, token, "", &tombstones);
  }
  if (tombstones.empty()) return;
  if (live_.empty() && file_bytes_ + tombstones.size() > kTruncateAtBytes) {
    if (ftruncate(fd_.get(), 0) == 0) {
      file_bytes_ = 0;
      return;
    }
  }
  if (const absl::Status status = WriteAtEnd(tombstones); !status.ok()) {
    LogWarning(MessageOf(status) + ": acknowledged results may be offered again after a restart");
  }
  CompactIfWorthwhile();
}

void Spool::CompactIfWorthwhile() {
  if (file_bytes_ < 2 * live_bytes_ + kCompactSlackBytes) return;
  if (const absl::Status status = Compact(); !status.ok()) {
    LogWarning("spool: compacting failed, the file stays long: " + MessageOf(status));
  }
}

absl::Status Spool::Compact() {
  const std::string temporary = path_ + ".tmp";
  UniqueFd fd(open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd.valid()) return ErrnoStatus("creating " + temporary);
  std::vector<std::pair<std::string, Place>> moved;
  uint64_t end = 0;
  for (const std::string& token : Tokens()) {
    const absl::StatusOr<std::string> payload = Read(token);
    if (!payload.ok()) return payload.status();
    std::string entry;
    AppendEntry(kResult, token, *payload, &entry);
    ODW_RETURN_IF_ERROR(PWriteAll(fd.get(), entry, end));
    moved.emplace_back(token, Place{live_.at(token).serial, end, entry.size()});
    end += entry.size();
  }
  if (rename(temporary.c_str(), path_.c_str()) != 0) return ErrnoStatus("renaming " + temporary);
  fd_ = std::move(fd);
  file_bytes_ = end;
  for (auto& [token, place] : moved) live_[token] = place;
  return absl::OkStatus();
}

std::vector<std::string> Spool::Tokens() const {
  std::vector<std::pair<uint64_t, std::string>> ordered;
  ordered.reserve(live_.size());
  for (const auto& [token, place] : live_) ordered.emplace_back(place.serial, token);
  std::sort(ordered.begin(), ordered.end());
  std::vector<std::string> tokens;
  tokens.reserve(ordered.size());
  for (auto& [serial, token] : ordered) tokens.push_back(std::move(token));
  return tokens;
}

}  // namespace odw::executors
