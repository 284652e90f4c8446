#include "executors/task/task_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "daemon/base/sha256.h"

namespace odw::executors {
namespace {

constexpr size_t kChecksumBytes = 8;
constexpr size_t kHeaderBytes = sizeof(uint32_t) + kChecksumBytes;
constexpr uint32_t kSectionBytesMax = 160u << 20;
constexpr size_t kReadChunkBytes = 16 << 10;

// The bytes of the file from `offset` to its end.
absl::StatusOr<std::string> ReadFrom(int fd, uint64_t offset) {
  std::string all;
  size_t chunk = kReadChunkBytes;
  for (;;) {
    const size_t old_size = all.size();
    all.resize(old_size + chunk);
    const ssize_t got = pread(fd, all.data() + old_size, chunk, static_cast<off_t>(offset + old_size));
    all.resize(old_size + static_cast<size_t>(got > 0 ? got : 0));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus("reading a task's file");
    if (static_cast<size_t>(got) < chunk) return all;
    chunk = std::max(chunk, all.size());
  }
}

// Cuts the section at `*at`; false when it is missing, torn or damaged.
bool TakeSection(const std::string& bytes, size_t* at, std::string_view* payload) {
  if (bytes.size() - *at < kHeaderBytes) return false;
  uint32_t size;
  memcpy(&size, bytes.data() + *at, sizeof size);
  if (size > kSectionBytesMax || bytes.size() - *at - kHeaderBytes < size) return false;
  *payload = std::string_view(bytes).substr(*at + kHeaderBytes, size);
  if (memcmp(Sha256(*payload).data(), bytes.data() + *at + sizeof size, kChecksumBytes) != 0) return false;
  *at += kHeaderBytes + size;
  return true;
}

template <typename Message>
bool TakeMessage(const std::string& bytes, size_t* at, std::optional<Message>* out) {
  std::string_view payload;
  size_t end = *at;
  if (!TakeSection(bytes, &end, &payload)) return false;
  if (!out->emplace().ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    out->reset();
    return false;
  }
  *at = end;
  return true;
}

}  // namespace

absl::StatusOr<TaskFile> TaskFile::Create(const std::string& folder, const TaskSpec& spec) {
  const std::string path = folder + "/" + spec.token();
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) {
    if (errno == EEXIST) return absl::AlreadyExistsError(path + " exists");
    return ErrnoStatus("creating " + path);
  }
  absl::Status status;
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) status = ErrnoStatus("locking " + path);
  TaskFile file(std::move(fd));
  if (status.ok()) status = file.Append(spec.SerializeAsString());
  if (status.ok()) return file;
  unlink(path.c_str());
  return status;
}

absl::StatusOr<TaskFile> TaskFile::Open(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus("opening " + path);
  return TaskFile(std::move(fd));
}

bool TaskFile::TryLock() { return flock(fd_.get(), LOCK_EX | LOCK_NB) == 0; }

absl::StatusOr<TaskRecord> TaskFile::Load() {
  ODW_ASSIGN_OR_RETURN(const std::string bytes, ReadFrom(fd_.get(), 0));
  TaskRecord record;
  size_t at = 0;
  if (TakeMessage(bytes, &at, &record.spec) && TakeMessage(bytes, &at, &record.owner)) {
    TakeMessage(bytes, &at, &record.result);
  }
  end_ = at;
  return record;
}

absl::Status TaskFile::AppendOwner(const TaskOwner& owner) { return Append(owner.SerializeAsString()); }

absl::Status TaskFile::AppendResult(const odw::v1::Result& result) {
  return Append(result.SerializeAsString());
}

absl::Status TaskFile::Append(const std::string& payload) {
  std::string section(kHeaderBytes, '\0');
  const uint32_t size = static_cast<uint32_t>(payload.size());
  memcpy(section.data(), &size, sizeof size);
  memcpy(section.data() + sizeof size, Sha256(payload).data(), kChecksumBytes);
  section += payload;
  size_t done = 0;
  while (done < section.size()) {
    const ssize_t wrote = pwrite(fd_.get(), section.data() + done, section.size() - done,
                                 static_cast<off_t>(end_ + done));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return ErrnoStatus("writing a task's file");
    done += static_cast<size_t>(wrote);
  }
  end_ += section.size();
  return absl::OkStatus();
}

}  // namespace odw::executors
