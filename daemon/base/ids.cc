#include "daemon/base/ids.h"

#include <sys/random.h>

#include "daemon/base/check.h"
#include "daemon/base/sha256.h"

namespace odw {

std::string RandomHex(size_t bytes) {
  std::string raw(bytes, '\0');
  ODW_CHECK(getrandom(raw.data(), raw.size(), 0) == static_cast<ssize_t>(raw.size()));
  return HexEncode(raw);
}

std::string NewRunId() { return "wf_" + RandomHex(4) + "-" + RandomHex(4); }

bool IsRunId(const std::string& text) {
  if (text.size() < 9 || text.size() > 64 || text.compare(0, 3, "wf_") != 0) return false;
  for (char c : text.substr(3)) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
  }
  return true;
}

std::string AttemptToken(const std::string& run_id, uint64_t node, uint32_t attempt) {
  const std::string name = run_id + "/" + AttemptName(node, attempt);
  return HexEncode(Sha256(name).substr(0, 16));
}

std::string NodeName(uint64_t node) { return "n" + std::to_string(node); }

std::string AttemptName(uint64_t node, uint32_t attempt) {
  return NodeName(node) + "." + std::to_string(attempt);
}

}  // namespace odw
