// Holds a task's answers against its schema, the same way for every runtime: an answer is accepted,
// asked for again with what was wrong (a repair turn, on the runtime's own session), or the task
// fails once as many answers were tried as the request allows (SPEC D2, D14, O2, P25). Loop thread
// only.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "executors/validator.h"
#include "odw/v1/executor.pb.h"

namespace odw::executors {

struct SchemaOutcome {
  enum class Kind {
    kAccepted,  // `json` is valid
    kRepair,    // say `prompt` on the same session and judge what comes
    kFailed,    // `error` is the task's end
  };
  Kind kind = Kind::kFailed;
  std::string json;
  std::string prompt;
  odw::v1::Error error;
};

class SchemaLoop {
 public:
  using Done = std::function<void(const SchemaOutcome&)>;

  // `answers`: tried already, by a former process. The request's schema is not empty.
  SchemaLoop(Validator* validator, const odw::v1::AgentRequest& request, uint32_t answers = 0);

  // One answer as the model wrote it: the JSON is cut out of it. May call `done` before it returns.
  // The loop may be gone when `done` is called, so a caller looks its task up again.
  void Judge(const std::string& text, Done done);
  // An answer whose JSON the runtime has cut out itself; empty: there was none.
  void JudgeJson(const std::string& json, Done done);
  // A failure that the runtime itself has tried often enough to avoid.
  SchemaOutcome GiveUp(const std::string& what, uint32_t answers) const;

  uint32_t answers() const { return answers_; }
  uint32_t repair_turns() const { return answers_ > 0 ? answers_ - 1 : 0; }
  // How the accepted answer came about: at once by `first`, or by repair.
  odw::v1::SchemaPath PathOf(odw::v1::SchemaPath first) const {
    return answers_ > 1 ? odw::v1::SCHEMA_PATH_REPAIRED : first;
  }

 private:
  Validator* const validator_;
  const std::string schema_json_;
  const uint32_t tries_max_;
  uint32_t answers_;
};

// The words that ask a model for JSON by a schema, where its runtime has no way of its own.
std::string SchemaContract(const odw::v1::AgentRequest& request);

// `schema_json` as a schema whose root is an object, for runtimes that know no other: itself, or
// {"value": schema}. Local references are moved with it.
struct ObjectSchema {
  std::string json;
  bool wrapped = false;
};
ObjectSchema ToObjectSchema(const std::string& schema_json);
// The value of an answer to a wrapped schema; `json` itself where it is not wrapped after all.
std::string UnwrapValue(const std::string& json);

// True when `schema_json` is one that OpenAI's strict mode takes: every object closed, every key
// required.
bool IsStrictSchema(const std::string& schema_json);

}  // namespace odw::executors
