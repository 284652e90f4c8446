// A message whose strings are all UTF-8. Protobuf writes one that is not, and then refuses to read it:
// a file's name from a work tree would damage a whole result. Thread-safe.
#pragma once

#include <google/protobuf/message.h>

namespace odw::executors {

// Each ill-formed byte sequence in a string field, nested ones included, becomes U+FFFD. Fields of
// type bytes stay as they are.
void MakeStringsValid(google::protobuf::Message* message);

}  // namespace odw::executors
