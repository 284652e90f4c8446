// odw-script's stateless roles under a fuzzer: the real process in its sandbox, asked as odwd asks it.
//
// V8 gives libFuzzer no coverage, so what is new is told by the answers: each kind of answer that was not seen before
// counts as a new edge (Noticed). One thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "daemon/base/fd.h"
#include "daemon/base/frame.h"
#include "daemon/base/subprocess.h"

namespace odw::fuzz {

// Says what does not hold, shows the evidence, and aborts: libFuzzer keeps the input.
[[noreturn]] void Broken(std::string_view what, std::string_view evidence);

// An answer of this kind was seen. Its first letters outside quotes make the kind.
void Noticed(std::string_view kind);

class Tool {
 public:
  // `role`: "--load" or "--validate". ODW_SCRIPT names the binary.
  explicit Tool(const std::string& role);
  ~Tool();

  // One frame for another. Broken when the process ends instead.
  std::string Ask(const std::string& request);

 private:
  UniqueFd socket_;
  FrameReader reader_;
  Subprocess process_;
};

}  // namespace odw::fuzz
