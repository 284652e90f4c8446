#include "executors/valid_strings.h"

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "executors/text.h"

namespace odw::executors {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

void MakeStringValid(const FieldDescriptor* field, Message* message) {
  const Reflection* const reflection = message->GetReflection();
  if (!field->is_repeated()) {
    const std::string text = reflection->GetString(*message, field);
    if (std::string valid = ToValidUtf8(text); valid != text)
      reflection->SetString(message, field, std::move(valid));
    return;
  }
  for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
    const std::string text = reflection->GetRepeatedString(*message, field, i);
    if (std::string valid = ToValidUtf8(text); valid != text)
      reflection->SetRepeatedString(message, field, i, std::move(valid));
  }
}

void MakePartsValid(const FieldDescriptor* field, Message* message) {
  const Reflection* const reflection = message->GetReflection();
  if (!field->is_repeated()) return MakeStringsValid(reflection->MutableMessage(message, field));
  for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
    MakeStringsValid(reflection->MutableRepeatedMessage(message, field, i));
  }
}

}  // namespace

void MakeStringsValid(Message* message) {
  std::vector<const FieldDescriptor*> set;
  message->GetReflection()->ListFields(*message, &set);
  for (const FieldDescriptor* field : set) {
    if (field->type() == FieldDescriptor::TYPE_STRING) MakeStringValid(field, message);
    if (field->type() == FieldDescriptor::TYPE_MESSAGE) MakePartsValid(field, message);
  }
}

}  // namespace odw::executors
