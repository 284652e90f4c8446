// Which key a provider is called with, told apart from others without telling it. Thread-safe.
#pragma once

#include <string>

#include "odw/v1/executor.pb.h"

namespace odw::executors {

// 12 hex digits that are the same for the same key everywhere; empty for an empty key.
std::string KeyId(const std::string& key);

// Adds the provider's credential. None where the key is not known, as with a CLI's own login.
void AddCredential(const std::string& provider, const std::string& key, odw::v1::Register* out);

}  // namespace odw::executors
