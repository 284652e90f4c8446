// JSON Schema checks by `odw-script --validate`: one child, started when first needed, started again when
// it dies, asked over its stdin and stdout. Loop thread only; answers come by callback, in order.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "daemon/base/frame.h"
#include "daemon/base/subprocess.h"
#include "executors/event_loop.h"

namespace odw::executors {

struct Verdict {
  enum class Kind {
    kValid,
    kInvalid,    // `mismatches` say where
    kBadSchema,  // the schema itself is wrong: nothing can fit
    kNotJson,
    kFailed,     // no answer: the child died or ran out of time, twice
  };
  Kind kind = Kind::kFailed;
  std::vector<std::string> mismatches;
  std::string value_json;  // Synthesize: the instance
};

class Validator {
 public:
  using Done = std::function<void(const Verdict&)>;

  // `program`: the odw-script binary. Nothing is started yet.
  Validator(EventLoop* loop, std::string program);
  ~Validator();  // ends the child; open questions are not answered

  void Check(const std::string& schema_json, const std::string& value_json, Done done);
  // A minimal instance of the schema. Cached by schema: may answer before it returns.
  void Synthesize(const std::string& schema_json, Done done);

 private:
  struct Question {
    uint64_t id;
    std::string frame;
    Done done;
    int tries = 0;
  };
  void Ask(std::string schema_json, const std::string* value_json, Done done);
  bool EnsureChild();
  void OnReady(uint32_t events);
  bool ReadAnswers();
  void WriteMore();
  void ChildGone();
  void StopChild();
  void ArmDeadline();
  void FailAll();

  EventLoop* const loop_;
  const std::string program_;
  Subprocess child_;
  UniqueFd socket_;
  FrameReader reader_;
  std::string unwritten_;
  uint64_t next_id_ = 1;
  std::deque<Question> open_;  // asked, in order
  EventLoop::TimerId deadline_ = 0;
  absl::flat_hash_map<std::string, std::string> synthesized_;  // schema -> instance
};

}  // namespace odw::executors
