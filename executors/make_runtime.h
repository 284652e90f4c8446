// The runtime that a name stands for. Startup only.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "executors/config.h"
#include "executors/event_loop.h"
#include "executors/runtime.h"
#include "executors/task/zygote.h"
#include "executors/validator.h"

namespace odw::executors {

const std::vector<std::string>& RuntimeNames();
// Its tasks run under supervisors, so it is given a zygote.
bool NeedsZygote(const std::string& runtime);

// `folder`: this executor's own. REQUIRES: a zygote where one is needed, and one of RuntimeNames().
absl::StatusOr<std::unique_ptr<Runtime>> MakeRuntime(const std::string& runtime,
                                                     const Config& config,
                                                     const std::string& folder, EventLoop* loop,
                                                     Validator* validator, ZygoteHandle zygote);

}  // namespace odw::executors
