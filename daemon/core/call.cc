#include "daemon/core/call.h"

#include <algorithm>
#include <cmath>

#include "daemon/base/sha256.h"
#include "daemon/core/resolve.h"
#include "daemon/core/reuse_key.h"

namespace odw::core {
namespace {

constexpr double kDelayMsMax = 1e12;

// SPEC D5: the start of the prompt's first line, cut between characters.
std::string DefaultLabel(const std::string& prompt) {
  constexpr size_t kLabelBytesMax = 60;
  std::string label = prompt.substr(0, prompt.find('\n'));
  if (label.size() <= kLabelBytesMax) return label;
  size_t end = kLabelBytesMax;
  while (end > 0 && (static_cast<unsigned char>(label[end]) & 0xC0) == 0x80) --end;
  return label.substr(0, end) + "…";
}

}  // namespace

Fingerprint FingerprintOf(const v1::script::Call& call) {
  std::string text = std::to_string(call.kind());
  for (const std::string& part : {call.request(), std::to_string(call.delay_ms()), call.name(),
                                  call.script_path(), call.args_json(), call.child_path()}) {
    text += '\0';
    text += std::to_string(part.size());
    text += ':';
    text += part;
  }
  const std::string digest = Sha256(text);
  Fingerprint fingerprint;
  std::copy_n(digest.data(), fingerprint.size(), fingerprint.begin());
  return fingerprint;
}

namespace {

std::string ReuseKeyOf(const v1::script::Call& call, const v1::NodeCalled& called,
                       const v1::AgentRequest& request, const Run& run,
                       const std::string& agent_sha256) {
  if (Memoised(run.header.dialect(), request)) {
    // Its id says which call it is: not where or how often it is made.
    return ReuseKey(RequestKeyOfId(request.node_id(), called.fingerprint()), "", 1);
  }
  const std::string key =
      RequestKey(run.header, request, called.prompt(), agent_sha256, call.child_path());
  const auto found = run.occurrences.find(OccurrenceKey(key, call.scope()));
  return ReuseKey(key, call.scope(), found == run.occurrences.end() ? 1 : found->second + 1);
}

void RecordAgent(const v1::script::Call& call, const Run& run, CallRecord* record) {
  v1::NodeCalled& called = record->called;
  v1::AgentRequest* request = called.mutable_request();
  request->ParseFromString(call.request());
  const Resolution resolution = ResolveRequest(run.header, request);
  called.set_refused(resolution.refused);
  if (!run.agent_types.contains(request->agent_type())) record->warning = resolution.unknown_type;
  v1::AgentRequest assigned = *request;
  ForceRuntime(run.header, &assigned);
  if (request->label().empty()) request->set_label(DefaultLabel(assigned.prompt()));
  record->values.push_back(model::MakeValue(std::move(*assigned.mutable_prompt())));
  request->clear_prompt();
  assigned.clear_prompt();
  *called.mutable_prompt() = record->values.back().ref;
  called.set_reuse_key(ReuseKeyOf(call, called, assigned, run, resolution.agent_sha256));
}

}  // namespace

CallRecord RecordOf(const v1::script::Call& call, const Run& run, int64_t now_ms) {
  CallRecord record;
  v1::NodeCalled& called = record.called;
  const Fingerprint fingerprint = FingerprintOf(call);
  called.set_ordinal(call.ordinal());
  called.set_kind(call.kind());
  called.set_fingerprint(fingerprint.data(), fingerprint.size());
  called.set_scope(call.scope());
  called.set_child_path(call.child_path());
  if (call.kind() == v1::script::AGENT) {
    RecordAgent(call, run, &record);
  } else if (call.kind() == v1::script::TIMER) {
    const double delay = std::isfinite(call.delay_ms()) ? call.delay_ms() : 0;
    called.set_due_unix_ms(now_ms + static_cast<int64_t>(std::clamp(delay, 0.0, kDelayMsMax)));
  } else {
    called.set_name(call.name());
    called.set_script_path(call.script_path());
  }
  return record;
}

}  // namespace odw::core
