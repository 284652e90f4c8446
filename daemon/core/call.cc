#include "daemon/core/call.h"

#include <algorithm>
#include <cmath>

#include "daemon/base/sha256.h"

namespace odw::core {
namespace {

constexpr double kDelayMsMax = 1e12;

// SPEC B13: the model of the phase that the agent resolves to, unless it names its own.
void ResolveDefaults(const v1::RunSettings& settings, v1::AgentRequest* request) {
  if (request->runtime().empty()) request->set_runtime(settings.default_runtime());
  if (request->cwd().empty()) request->set_cwd(settings.cwd());
  if (request->runtime() == "command") return;  // it has no model
  if (request->model() == "inherit") request->clear_model();
  for (const v1::PhaseModel& phase : settings.phase_models()) {
    if (request->model().empty() && phase.title() == request->phase()) {
      request->set_model(phase.model());
    }
  }
  if (request->model().empty()) request->set_model(settings.default_model());
}

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

v1::NodeCalled RecordOf(const v1::script::Call& call, const v1::RunSettings& settings,
                        int64_t now_ms, std::vector<model::Value>* values) {
  const Fingerprint fingerprint = FingerprintOf(call);
  v1::NodeCalled called;
  called.set_ordinal(call.ordinal());
  called.set_kind(call.kind());
  called.set_fingerprint(fingerprint.data(), fingerprint.size());
  called.set_scope(call.scope());
  called.set_child_path(call.child_path());
  if (call.kind() == v1::script::AGENT) {
    v1::AgentRequest* request = called.mutable_request();
    request->ParseFromString(call.request());
    ResolveDefaults(settings, request);
    if (request->label().empty()) request->set_label(DefaultLabel(request->prompt()));
    values->push_back(model::MakeValue(std::move(*request->mutable_prompt())));
    request->clear_prompt();
    *called.mutable_prompt() = values->back().ref;
  } else if (call.kind() == v1::script::TIMER) {
    const double delay = std::isfinite(call.delay_ms()) ? call.delay_ms() : 0;
    called.set_due_unix_ms(now_ms + static_cast<int64_t>(std::clamp(delay, 0.0, kDelayMsMax)));
  } else {
    called.set_name(call.name());
  }
  return called;
}

}  // namespace odw::core
