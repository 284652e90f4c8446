#include "daemon/rpc/explain.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>

#include "daemon/base/ids.h"
#include "daemon/base/sha256.h"
#include "daemon/model/error_table.h"
#include "daemon/model/utf8.h"
#include "odw/v1/script.pb.h"

namespace odw::rpc {
namespace {

using google::protobuf::FieldDescriptor;

// Prompts that share less than this part of their text are of different calls.
constexpr double kSimilarLeast = 0.3;
constexpr size_t kComparedBytesMax = 64 << 10;
constexpr size_t kComparedCallsMax = 1000;
// A longer prompt is not read only to look for a resemblance.
constexpr size_t kReadBytesMax = 256 << 10;

std::string Shown(const std::string& text) {
  if (text.size() <= kShownBytesMax) return text;
  constexpr char kCut[] = "…";
  return std::string(model::CutUtf8(text, kShownBytesMax - sizeof kCut)) + kCut;
}

void AddChange(const std::string& field, const std::string& before, const std::string& after,
               v1::ExplainResponse* out) {
  if (before == after) return;
  v1::FieldChange* change = out->add_changes();
  change->set_field(field);
  change->set_before(Shown(before));
  change->set_after(Shown(after));
}

// A field of a request as text; lists one entry a line.
std::string TextOf(const v1::AgentRequest& request, const FieldDescriptor* field) {
  const auto* reflection = request.GetReflection();
  std::string text;
  if (field->is_repeated()) {
    for (int i = 0; i < reflection->FieldSize(request, field); ++i) {
      text += (i > 0 ? "\n" : "") + reflection->GetRepeatedString(request, field, i);
    }
    return text;
  }
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: return reflection->GetString(request, field);
    case FieldDescriptor::CPPTYPE_UINT32:
      return std::to_string(reflection->GetUInt32(request, field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return std::to_string(reflection->GetUInt64(request, field));
    default: return "";
  }
}

// Label and phase are for people; a prompt is not kept in the request.
bool IsCompared(const std::string& field) {
  return field != "label" && field != "phase" && field != "prompt";
}

void CompareRequests(const v1::AgentRequest& before, const v1::AgentRequest& after,
                     v1::ExplainResponse* out) {
  const auto* descriptor = v1::AgentRequest::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const FieldDescriptor* field = descriptor->field(i);
    if (!IsCompared(field->name())) continue;
    AddChange(field->name(), TextOf(before, field), TextOf(after, field), out);
  }
}

std::string AgentFileOf(const v1::RunSubmitted& header, const std::string& agent_type) {
  for (const v1::AgentDefinition& agent : header.agents()) {
    if (agent.name() == agent_type) return agent.path() + " " + HexEncode(agent.sha256());
  }
  return "";
}

bool SameBlob(const v1::Blob& a, const v1::Blob& b) {
  return a.sha256() == b.sha256() && a.inline_() == b.inline_();
}

void Compare(const ExplainedRun& before, const ExplainedCall& old, const ExplainedRun& now,
             const ExplainedCall& call, const ReadText& read_text, v1::ExplainResponse* out) {
  if (!SameBlob(old.called.prompt(), call.called.prompt())) {
    AddChange("prompt", read_text(before.header().run_id(), old.called.prompt()),
              read_text(now.header().run_id(), call.called.prompt()), out);
  }
  CompareRequests(old.called.request(), call.called.request(), out);
  AddChange("backend", before.header().settings().forced_runtime(),
            now.header().settings().forced_runtime(), out);
  AddChange("agent file", AgentFileOf(before.header(), old.called.request().agent_type()),
            AgentFileOf(now.header(), call.called.request().agent_type()), out);
  AddChange("child workflow", old.called.child_path(), call.called.child_path(), out);
}

// How many calls of the same scope were made before this one.
size_t PlaceInScope(const ExplainedRun& run, const ExplainedCall& call) {
  size_t place = 0;
  for (const ExplainedCall& other : run.calls()) {
    if (&other == &call) break;
    place += other.called.scope() == call.called.scope() &&
             other.called.child_path() == call.called.child_path();
  }
  return place;
}

const ExplainedCall* AtPlace(const ExplainedRun& run, const ExplainedCall& like, size_t place) {
  for (const ExplainedCall& other : run.calls()) {
    if (other.called.scope() != like.called.scope()) continue;
    if (other.called.child_path() != like.called.child_path()) continue;
    if (place-- == 0) return &other;
  }
  return nullptr;
}

// The part of both texts that their common beginning and end make up.
double Similarity(const std::string& a, const std::string& b) {
  const size_t most = std::min({a.size(), b.size(), kComparedBytesMax});
  size_t head = 0, tail = 0;
  while (head < most && a[head] == b[head]) ++head;
  while (tail < most - head && a[a.size() - 1 - tail] == b[b.size() - 1 - tail]) ++tail;
  const size_t longest = std::max(a.size(), b.size());
  return longest == 0 ? 1 : static_cast<double>(head + tail) / static_cast<double>(longest);
}

const ExplainedCall* MostSimilar(const ExplainedRun& before, const ExplainedRun& now,
                                 const ExplainedCall& call, const ReadText& read_text) {
  const std::string prompt = read_text(now.header().run_id(), call.called.prompt());
  const ExplainedCall* best = nullptr;
  double best_similarity = kSimilarLeast;
  size_t compared = 0;
  for (const ExplainedCall& old : before.calls()) {
    if (++compared > kComparedCallsMax) break;
    if (old.called.prompt().size() > kReadBytesMax) continue;
    const double similarity =
        Similarity(read_text(before.header().run_id(), old.called.prompt()), prompt);
    if (similarity <= best_similarity) continue;
    best_similarity = similarity;
    best = &old;
  }
  return best;
}

const ExplainedCall* SameKey(const ExplainedRun& before, const ExplainedCall& call) {
  if (call.called.reuse_key().empty()) return nullptr;
  for (const ExplainedCall& old : before.calls()) {
    if (old.called.reuse_key() == call.called.reuse_key()) return &old;
  }
  return nullptr;
}

const ExplainedCall* Nearest(const ExplainedRun& before, const ExplainedRun& now,
                             const ExplainedCall& call, const ReadText& read_text) {
  const ExplainedCall* same_place = AtPlace(before, call, PlaceInScope(now, call));
  const std::string& label = call.called.request().label();
  if (same_place != nullptr && same_place->called.request().label() == label) return same_place;
  for (const ExplainedCall& old : before.calls()) {
    if (!label.empty() && old.called.request().label() == label) return &old;
  }
  if (same_place != nullptr) return same_place;
  return MostSimilar(before, now, call, read_text);
}

std::string WhyOldNodeIsNoUse(const ExplainedCall& old) {
  const std::string name = NodeName(old.called.ordinal());
  if (old.settled.seq() == 0) return name + " there had not finished";
  switch (old.settled.end()) {
    case v1::END_SKIPPED: return name + " there was skipped";
    case v1::END_CANCELLED: return name + " there was cancelled";
    case v1::END_REFUSED: return name + " there was refused";
    default: break;
  }
  const std::string category = model::InfoOf(old.error.category()).name;
  return name + " there failed" + (old.error.message().empty() ? "" : " (" + category + ")");
}

// In prefix mode: the first call of this run that was not answered from the other.
std::string PrefixEnd(const ExplainedRun& now, const ExplainedCall& call) {
  for (const ExplainedCall& other : now.calls()) {
    if (&other == &call) break;
    if (other.settled.end() != v1::END_CACHED || other.settled.seq() == 0) {
      return NodeName(other.called.ordinal());
    }
  }
  return "";
}

std::string JoinFields(const v1::ExplainResponse& response) {
  std::string fields;
  for (const v1::FieldChange& change : response.changes()) {
    fields += (fields.empty() ? "" : ", ") + change.field();
  }
  return fields;
}

void ExplainMiss(const ExplainedRun& before, const ExplainedRun& now, const ExplainedCall& call,
                 const ReadText& read_text, v1::ExplainResponse* out) {
  const std::string& from = before.header().run_id();
  const bool prefix_mode = now.header().resume_mode() == v1::RESUME_PREFIX;
  const std::string prefix_end = prefix_mode ? PrefixEnd(now, call) : "";
  const ExplainedCall* old = SameKey(before, call);
  const bool same_key = old != nullptr;
  if (!same_key) old = Nearest(before, now, call, read_text);
  if (old == nullptr) {
    out->set_why("nothing in " + from + " resembles this call: it is new");
    return;
  }
  out->set_from_node(old->called.ordinal());
  const std::string name = NodeName(old->called.ordinal());
  Compare(before, *old, now, call, read_text, out);
  if (same_key && !old->succeeded && old->settled.end() != v1::END_CACHED) {
    out->set_why("the call is the same, and " + WhyOldNodeIsNoUse(*old) +
                 ": only successes are reused");
  } else if (!prefix_end.empty()) {
    out->set_why("the unchanged prefix of calls ended at " + prefix_end +
                 ": in prefix mode everything called after it runs");
  } else if (same_key) {
    out->set_why("the call is the same as " + name + " of " + from +
                 ", whose answer was not taken: it ran before that was known, or was restarted");
  } else if (out->changes_size() > 0) {
    out->set_why("of " + name + " of " + from + ", the call that is nearest, this differs: " +
                 JoinFields(*out));
  } else if (old->called.reuse_key().empty()) {
    out->set_why(from + " is of an older odwd, which kept no keys to compare: everything runs");
  } else {
    out->set_why("it is made at another place than " + name + " of " + from +
                 " (another slot, or one of several equal calls)");
  }
}

}  // namespace

ExplainedCall* ExplainedRun::FindMutable(uint64_t ordinal) {
  const auto found = index_of_.find(ordinal);
  return found == index_of_.end() ? nullptr : &calls_[found->second];
}

const ExplainedCall* ExplainedRun::Find(uint64_t ordinal) const {
  const auto found = index_of_.find(ordinal);
  return found == index_of_.end() ? nullptr : &calls_[found->second];
}

void ExplainedRun::Apply(const v1::Event& event) {
  if (event.has_submitted()) header_ = event.submitted();
  if (event.has_called() && event.called().kind() == v1::script::AGENT) {
    index_of_[event.called().ordinal()] = calls_.size();
    calls_.push_back({.called = event.called()});
  }
  if (event.has_attempt_ended() && !event.attempt_ended().discarded()) {
    ExplainedCall* call = FindMutable(event.attempt_ended().node());
    if (call == nullptr) return;
    call->succeeded |= event.attempt_ended().ok();
    if (!event.attempt_ended().ok()) call->error = event.attempt_ended().error();
  }
  if (event.has_restarted()) {
    ExplainedCall* call = FindMutable(event.restarted().node());
    if (call != nullptr) call->succeeded = false;
  }
  if (event.has_settled()) {
    ExplainedCall* call = FindMutable(event.settled().node());
    if (call != nullptr) call->settled = event.settled();
  }
}

absl::StatusOr<v1::ExplainResponse> Explain(const ExplainedRun& now, const ExplainedRun* before,
                                            uint64_t node, const ReadText& read_text) {
  const ExplainedCall* call = now.Find(node);
  if (call == nullptr) {
    return absl::NotFoundError("run " + now.header().run_id() + " has no agent call " +
                               NodeName(node));
  }
  v1::ExplainResponse out;
  out.set_node(node);
  const std::string& from = now.header().resumed_from();
  if (from.empty()) {
    out.set_why("this run was not resumed from another: every node runs");
    return out;
  }
  out.set_from_run(from);
  if (call->settled.seq() > 0 && call->settled.end() == v1::END_CACHED) {
    out.set_reused(true);
    out.set_from_run(call->settled.from_run());
    out.set_from_node(call->settled.from_node());
    out.set_why("the same call as " + NodeName(out.from_node()) + " of " + out.from_run() +
                ", which succeeded: its answer was taken and nothing was paid");
    return out;
  }
  if (call->settled.seq() > 0 && call->settled.end() == v1::END_REFUSED) {
    out.set_why("the call was refused: " + call->settled.error_message());
    return out;
  }
  if (before == nullptr) {
    out.set_why("run " + from + " is gone: there is nothing to compare with");
    return out;
  }
  ExplainMiss(*before, now, *call, read_text, &out);
  return out;
}

}  // namespace odw::rpc
