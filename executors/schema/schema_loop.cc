#include "executors/schema/schema_loop.h"

#include <algorithm>
#include <utility>

#include "executors/schema/json_in_text.h"

namespace odw::executors {
namespace {

constexpr size_t kMismatchesShown = 10;
constexpr size_t kMismatchBytesMax = 500;

// Tests of model servers know a repair turn by these first words.
constexpr char kRepairHead[] = "That answer does not fit the JSON Schema: ";
constexpr char kRepairTail[] = ". Answer again, with one JSON value that does and nothing else.";

std::string Joined(const std::vector<std::string>& mismatches) {
  std::string out;
  for (size_t i = 0; i < std::min(mismatches.size(), kMismatchesShown); ++i) {
    out += (i == 0 ? "" : "; ") + mismatches[i].substr(0, kMismatchBytesMax);
  }
  return out;
}

SchemaOutcome FailedWith(odw::v1::ErrorCategory category, const std::string& message) {
  SchemaOutcome outcome;
  outcome.error.set_category(category);
  outcome.error.set_message(message);
  return outcome;
}

// After answer number `answers` of `tries_max`, which had `what` wrong.
SchemaOutcome RepairOrGiveUp(uint32_t answers, uint32_t tries_max, const std::string& what) {
  if (answers >= tries_max) {
    return FailedWith(odw::v1::SCHEMA, "no valid answer in " + std::to_string(answers) +
                                           (answers == 1 ? " try" : " tries") +
                                           "; the last one: " + what);
  }
  SchemaOutcome outcome;
  outcome.kind = SchemaOutcome::Kind::kRepair;
  outcome.prompt = kRepairHead + what + kRepairTail;
  return outcome;
}

}  // namespace

SchemaLoop::SchemaLoop(Validator* validator, const odw::v1::AgentRequest& request, uint32_t answers)
    : validator_(validator),
      schema_json_(request.schema_json()),
      tries_max_(std::max(1u, request.schema_tries_max())),
      answers_(answers) {}

void SchemaLoop::Judge(const std::string& text, Done done) {
  JudgeJson(ExtractJson(text), std::move(done));
}

void SchemaLoop::JudgeJson(const std::string& json, Done done) {
  const uint32_t answers = ++answers_;
  const uint32_t tries_max = tries_max_;
  if (json.empty()) return done(RepairOrGiveUp(answers, tries_max, "it holds no JSON value"));
  validator_->Check(
      schema_json_, json,
      [answers, tries_max, json, done = std::move(done)](const Verdict& verdict) {
        const std::string details = Joined(verdict.mismatches);
        switch (verdict.kind) {
          case Verdict::Kind::kValid: {
            SchemaOutcome outcome;
            outcome.kind = SchemaOutcome::Kind::kAccepted;
            outcome.json = json;
            return done(outcome);
          }
          case Verdict::Kind::kInvalid:
            return done(RepairOrGiveUp(answers, tries_max, details));
          case Verdict::Kind::kNotJson:
            return done(RepairOrGiveUp(answers, tries_max, "it is not JSON"));
          case Verdict::Kind::kBadSchema:
            return done(FailedWith(odw::v1::INVALID_REQUEST, "the schema is wrong: " + details));
          case Verdict::Kind::kFailed:
            return done(
                FailedWith(odw::v1::SCHEMA, "the answer could not be checked against the schema" +
                                                (details.empty() ? " in time" : ": " + details)));
        }
      });
}

SchemaOutcome SchemaLoop::GiveUp(const std::string& what, uint32_t answers) const {
  const uint32_t all = std::max(tries_max_, answers_ + answers);
  return RepairOrGiveUp(all, all, what);
}

std::string SchemaContract(const odw::v1::AgentRequest& request) {
  std::string contract =
      "Answer with one JSON value that is valid against this JSON Schema, and with nothing "
      "else:\n" +
      request.schema_json();
  if (!request.schema_description().empty()) contract += "\n" + request.schema_description();
  return contract;
}

}  // namespace odw::executors
