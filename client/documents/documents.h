// Texts that travel in the binary: how to write a workflow, what a node's answer must be, and the
// types of everything a script finds. Thread-safe.
#pragma once

#include <string_view>

namespace odw::client {

std::string_view GuideText();     // documents/guide.md
std::string_view ContractText();  // documents/contract.md
std::string_view TypesText();     // types/odw.d.ts

}  // namespace odw::client
