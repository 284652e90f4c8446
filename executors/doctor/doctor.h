// `odw-executor --doctor`: what one runtime needs and whether it is there, without a daemon. Keys
// are told as present or not, never shown, and sent only with `probe`. One thread; blocks.
#pragma once

#include <string>

#include "executors/config.h"

namespace odw::executors {

struct DoctorWish {
  std::string runtime;  // one of RuntimeNames()
  Config config;
  bool probe = false;  // one prompt to each provider that has a key and answers
};

// Prints {"runtime","version","ok","checks":[...]} (README.md has the fields). The exit status: 0,
// or 1 when something that is set up is broken. What is not set up is no fault.
int DoctorMain(const DoctorWish& wish);

}  // namespace odw::executors
