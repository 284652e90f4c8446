// odw-script --validate: schemas and values of every kind. The same question has the same answer whatever was asked in
// between, and a made-up value fits.
#include <stdint.h>

#include <string>

#include "daemon/script/utf8.h"
#include "odw/v1/script.pb.h"
#include "tests/fuzz/tool.h"

namespace {

namespace pb = ::odw::v1::script;
using Reply = pb::ValidateReply;
using odw::fuzz::Broken;
using odw::fuzz::Noticed;

constexpr int kMismatchesMax = 20;
constexpr uint64_t kAskAgainEvery = 97;  // more schemas lie between than the validator keeps compiled

Reply Ask(pb::ValidateRequest request) {
  static odw::fuzz::Tool* const tool = new odw::fuzz::Tool("--validate");
  static uint64_t last_id = 0;
  request.set_id(++last_id);
  Reply reply;
  if (!reply.ParseFromString(tool->Ask(request.SerializeAsString()))) {
    Broken("the answer is no ValidateReply", request.schema_json());
  }
  if (reply.id() != last_id) Broken("an answer to another question", request.schema_json());
  if (reply.mismatches_size() > kMismatchesMax) Broken("too many mismatches", request.schema_json());
  if (reply.verdict() != Reply::VALID && reply.mismatches_size() == 0) {
    Broken("no word of what is wrong", request.schema_json());
  }
  Noticed("verdict " + std::string(1, static_cast<char>('a' + reply.verdict())));
  for (const std::string& line : reply.mismatches()) Noticed(line.substr(line.find(' ') + 1));
  reply.clear_id();
  return reply;
}

Reply Check(const std::string& schema, const std::string& value) {
  pb::ValidateRequest request;
  request.set_schema_json(schema);
  request.set_value_json(value);
  return Ask(request);
}

Reply CheckSchema(const std::string& schema, bool synthesize) {
  pb::ValidateRequest request;
  request.set_schema_json(schema);
  request.set_synthesize(synthesize);
  return Ask(request);
}

// A question of some time ago, asked again.
void AskAgain(const std::string& schema, const std::string& value, const Reply& reply) {
  static uint64_t asked = 0;
  static std::string old_schema, old_value;
  static Reply old_reply;
  if (asked++ % kAskAgainEvery != 0) return;
  if (asked > 1 && old_reply.verdict() != Reply::TIMED_OUT &&
      Check(old_schema, old_value).SerializeAsString() != old_reply.SerializeAsString()) {
    Broken("another answer to the same question", old_schema + "\n" + old_value);
  }
  old_schema = schema;
  old_value = value;
  old_reply = reply;
}

}  // namespace

// The schema, a NUL, the value.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  if (odw::script::FindUtf8Fault(input)) return -1;  // executors send text
  const std::string schema = input.substr(0, input.find('\0'));
  const std::string value = schema.size() < size ? input.substr(schema.size() + 1) : "{}";
  const Reply alone = CheckSchema(schema, false);
  const Reply reply = Check(schema, value);
  if (reply.verdict() == Reply::BAD_SCHEMA && alone.verdict() == Reply::VALID) {
    Broken("a schema that is fine alone is bad with a value", schema + "\n" + value + "\n" + reply.mismatches(0));
  }
  // Before a call a schema is held to more, so it may be bad alone; then it is so again.
  if (alone.verdict() == Reply::BAD_SCHEMA &&
      CheckSchema(schema, false).SerializeAsString() != alone.SerializeAsString()) {
    Broken("another answer to the same schema", schema + "\n" + alone.mismatches(0));
  }
  AskAgain(schema, value, reply);
  const Reply made = CheckSchema(schema, true);
  if (made.verdict() != Reply::VALID) return 0;
  Noticed("made up");
  if (Check(schema, made.value_json()).verdict() != Reply::VALID) {
    Broken("a made-up value does not fit", schema + "\n" + made.value_json());
  }
  return 0;
}
