// Whether HTTP servers answer, whatever they answer: a connection with TLS and any status. No key
// is sent. Blocks for at most kReachMs. One thread.
#pragma once

#include <string>
#include <vector>

namespace odw::executors {

inline constexpr int kReachMs = 5'000;

struct Reach {
  bool reachable = false;
  long http_status = 0;  // 0: none came
  std::string problem;   // when not reachable
};

// `url` without user info, query and fragment, which may hold secrets; empty when it is no http or
// https URL.
std::string PublicUrl(const std::string& url);

// One GET to each at the same time, in the order of `urls`; what is no URL is not reachable.
std::vector<Reach> ReachAll(const std::vector<std::string>& urls);

}  // namespace odw::executors
