// Why a node of a resumed run was answered from the run before, or was not: compares the call with its
// counterpart there, field by field. Pure but for `ReadText`; not thread-safe.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "daemon/base/status.h"
#include "odw/v1/control.pb.h"
#include "odw/v1/journal.pb.h"

namespace odw::rpc {

// What of a field is shown.
inline constexpr size_t kShownBytesMax = 4096;

// One agent() call and what became of it.
struct ExplainedCall {
  v1::NodeCalled called;
  v1::Settled settled;    // seq 0: it has not
  v1::Error error;        // of its last failed attempt
  bool succeeded = false; // an attempt did, settled or not
};

// The agent() calls of one run, in call order.
class ExplainedRun {
 public:
  void Apply(const v1::Event& event);

  const v1::RunSubmitted& header() const { return header_; }
  const std::vector<ExplainedCall>& calls() const { return calls_; }
  // Null: no such agent call.
  const ExplainedCall* Find(uint64_t ordinal) const;

 private:
  ExplainedCall* FindMutable(uint64_t ordinal);

  v1::RunSubmitted header_;
  std::vector<ExplainedCall> calls_;
  absl::flat_hash_map<uint64_t, size_t> index_of_;
};

// The bytes of a prompt of that run; what cannot be read is told in its place.
using ReadText = std::function<std::string(const std::string& run_id, const v1::Blob& blob)>;

// `before`: the run that `now` resumes; null when it resumes none or that run is gone. NotFound: `node`
// is no agent call of this run.
absl::StatusOr<v1::ExplainResponse> Explain(const ExplainedRun& now, const ExplainedRun* before,
                                            uint64_t node, const ReadText& read_text);

}  // namespace odw::rpc
