// Confines a command to a folder with bubblewrap, where the system allows it. Thread-safe after the
// first call of SandboxProgram.
#pragma once

#include <string>
#include <vector>

#include "executors/permission.h"

namespace odw::executors {

struct SandboxWish {
  Permission permission = Permission::kWorkspaceWrite;
  std::string cwd;                    // writable unless read-only; absolute
  std::vector<std::string> writable;  // what the runtime itself writes; made by the caller
  enum class Network { kYes, kNo } network = Network::kYes;
};

// The path of a bubblewrap that works here (tried once, some 10 ms); empty: there is none.
const std::string& SandboxProgram();

// The words before a command line that confine it, the program's path first. Empty where
// SandboxProgram is, and with permission full, unless the network is to be cut off. The whole
// system stays readable; the repository of a linked work tree stays writable, its hooks and
// settings do not.
std::vector<std::string> SandboxWords(const SandboxWish& wish);

}  // namespace odw::executors
