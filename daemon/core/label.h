// What a line calls a node: its label, cut, or its name. Pure.
#pragma once

#include <string>

#include "daemon/core/state.h"

namespace odw::core {

std::string LabelOf(const Node& node, NodeId id);

}  // namespace odw::core
