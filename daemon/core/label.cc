#include "daemon/core/label.h"

#include "daemon/base/ids.h"

namespace odw::core {
namespace {

constexpr size_t kLabelBytesMax = 200;

}  // namespace

std::string LabelOf(const Node& node, NodeId id) {
  if (!node.details || node.details->request.label().empty()) return NodeName(id);
  return node.details->request.label().substr(0, kLabelBytesMax);
}

}  // namespace odw::core
