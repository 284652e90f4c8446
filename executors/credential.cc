#include "executors/credential.h"

#include "daemon/base/sha256.h"

namespace odw::executors {
namespace {

// Fixed, since executors on several hosts must say the same of one key. It keeps the id from being
// found in tables of hashes of keys made for something else.
constexpr char kSalt[] = "odw credential 1:";
constexpr size_t kDigits = 12;

}  // namespace

std::string KeyId(const std::string& key) {
  return key.empty() ? "" : HexEncode(Sha256(kSalt + key)).substr(0, kDigits);
}

void AddCredential(const std::string& provider, const std::string& key, odw::v1::Register* out) {
  if (key.empty()) return;
  odw::v1::Credential* credential = out->add_credentials();
  credential->set_provider(provider);
  credential->set_key_id(KeyId(key));
}

}  // namespace odw::executors
