// odw-script --load: meta, imports, dialect, problems. Any bytes get an answer that makes sense, and the same twice.
#include <stdint.h>

#include <algorithm>
#include <string>

#include "daemon/base/canonical_json.h"
#include "odw/v1/script.pb.h"
#include "tests/fuzz/tool.h"

namespace {

namespace pb = ::odw::v1::script;
using odw::fuzz::Broken;
using odw::fuzz::Noticed;

constexpr uint32_t kBuiltin = 1, kOdw = 2;
constexpr int kSourceLineCharactersMax = 200;

pb::LoadReply Load(const std::string& source, uint32_t dialect) {
  static odw::fuzz::Tool* const tool = new odw::fuzz::Tool("--load");
  static uint64_t last_id = 0;
  pb::LoadRequest request;
  request.set_id(++last_id);
  request.set_source(source);
  request.set_script_name("fuzz.js");
  request.set_dialect(dialect);
  pb::LoadReply reply;
  if (!reply.ParseFromString(tool->Ask(request.SerializeAsString()))) Broken("the answer is no LoadReply", source);
  if (reply.id() != last_id) Broken("an answer to another question", source);
  reply.clear_id();
  return reply;
}

// True where one of them is an error.
bool CheckProblems(const pb::LoadReply& reply, const std::string& source) {
  const auto ends = [&](char c) { return std::count(source.begin(), source.end(), c); };
  const size_t lines_max = 1 + ends('\n') + ends('\r') + ends('\xa8') + ends('\xa9');  // U+2028, U+2029 end in those
  bool error = false;
  for (const pb::Problem& problem : reply.problems()) {
    error = error || !problem.warning();
    if (problem.message().empty()) Broken("a problem without a message", source);
    if (problem.line() == 0 || problem.column() == 0) Broken("a problem without a place", problem.message());
    if (problem.line() > lines_max) Broken("a problem past the last line", problem.message());
    if (problem.source_line().size() > 4 * kSourceLineCharactersMax + 32) Broken("too long an excerpt", source);
    if (problem.message() == "the script cannot be parsed") Broken("the loader failed", source);
    Noticed((problem.warning() ? "warning " : "error ") + problem.message());
  }
  return error;
}

}  // namespace

// The first byte chooses the dialect: none, builtin, odw.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const uint32_t dialect = data[0] % 3;
  const std::string source(reinterpret_cast<const char*>(data) + 1, size - 1);
  const pb::LoadReply reply = Load(source, dialect);
  if (CheckProblems(reply, source) == reply.ok()) Broken("ok and errors at once, or neither", source);
  if (!reply.ok()) return 0;
  if (reply.dialect() != kBuiltin && reply.dialect() != kOdw) Broken("no dialect", source);
  if (dialect != 0 && reply.dialect() != dialect) Broken("another dialect than asked for", source);
  if (reply.dialect() == kBuiltin && (reply.name().empty() || reply.description().empty())) {
    Broken("accepted without a name or a description", source);
  }
  if (reply.dialect() == kBuiltin && !reply.entry().empty()) Broken("an entry in the builtin dialect", source);
  if (!reply.meta_json().empty() && !odw::CanonicalJson(reply.meta_json()).ok()) Broken("meta is no JSON", source);
  Noticed("accepted " + reply.entry() + (reply.dialect() == kOdw ? " odw" : " builtin"));
  // A comment line at the end changes nothing; and another text does not come from the cache.
  pb::LoadReply again = Load(source + "\n// the end\n", dialect);
  if (again.SerializeAsString() != reply.SerializeAsString()) Broken("a last comment line changes the answer", source);
  return 0;
}
