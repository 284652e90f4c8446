#include "daemon/base/sha256.h"

// The low-level interface on purpose: the other one loads OpenSSL's configuration file at first use,
// which a sandboxed process may not, and costs a look-up of the algorithm a call.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

namespace odw {

std::string Sha256(std::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, bytes.data(), bytes.size());
  SHA256_Final(reinterpret_cast<unsigned char*>(digest.data()), &context);
  return digest;
}

std::string HexEncode(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (unsigned char byte : bytes) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

}  // namespace odw
