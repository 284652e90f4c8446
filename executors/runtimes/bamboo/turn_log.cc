#include "executors/runtimes/bamboo/turn_log.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "daemon/base/frame.h"

namespace odw::executors {
namespace {

constexpr size_t kLogBytesMax = size_t{1} << 30;

}  // namespace

absl::StatusOr<TurnLog> TurnLog::Create(const std::string& path) {
  TurnLog log;
  log.fd_ = UniqueFd(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
  if (!log.fd_.valid()) return ErrnoStatus("creating " + path);
  return log;
}

absl::StatusOr<TurnLog> TurnLog::Open(const std::string& path, std::vector<TurnRecord>* records) {
  ODW_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, kLogBytesMax));
  FrameReader reader;
  reader.Feed(bytes);
  size_t whole = 0;
  for (;;) {
    const auto frame = reader.Next();
    if (!frame.ok() || !frame->has_value()) break;
    if (!records->emplace_back().ParseFromArray((*frame)->data(),
                                                static_cast<int>((*frame)->size()))) {
      records->pop_back();
      break;
    }
    whole += sizeof(uint32_t) + (*frame)->size();
  }
  TurnLog log;
  log.fd_ = UniqueFd(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!log.fd_.valid()) return ErrnoStatus("opening " + path);
  if (ftruncate(log.fd_.get(), static_cast<off_t>(whole)) != 0)
    return ErrnoStatus("cutting " + path);
  return log;
}

absl::Status TurnLog::Append(const TurnRecord& record) {
  std::string frame;
  AppendFrame(record.SerializeAsString(), &frame);
  return WriteAll(fd_.get(), frame.data(), frame.size());
}

}  // namespace odw::executors
