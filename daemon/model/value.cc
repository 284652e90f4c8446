#include "daemon/model/value.h"

#include "daemon/base/sha256.h"

namespace odw::model {

Value MakeValue(std::string bytes) {
  Value value;
  value.ref.set_size(bytes.size());
  if (bytes.size() <= kInlineBytesMax) {
    value.ref.set_inline_(std::move(bytes));
  } else {
    value.ref.set_sha256(Sha256(bytes));
    value.bytes = std::make_shared<const std::string>(std::move(bytes));
  }
  return value;
}

Value ValueFromRef(v1::Blob ref) {
  Value value;
  value.ref = std::move(ref);
  return value;
}

}  // namespace odw::model
