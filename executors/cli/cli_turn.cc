// What a turn came to, and what follows: the next turn, or the task's end.
#include <algorithm>
#include <utility>

#include "executors/cli/cli_runtime.h"
#include "executors/cli/transcript.h"
#include "executors/errors.h"
#include "executors/schema/json_in_text.h"
#include "executors/usage.h"

namespace odw::executors {
namespace {

constexpr size_t kRawTextBytesMax = 8 << 20;

}  // namespace

CliAnswer CliRuntime::ReadAnswer(const TaskSpec& spec, const CliTurn& turn,
                                 const odw::v1::Result& end, std::string transcript) const {
  const std::unique_ptr<CliReader> reader = adapter_->Reader(turn);
  LineTail(spec.output_file()).ReadToEnd([&](std::string_view line) { reader->Line(line); });
  const std::string read = reader->session_id();
  const std::string& session = read.empty() ? turn.session_id : read;
  if (transcript.empty() && !session.empty()) {
    transcript = adapter_->Transcript(turn.home, session);
  }
  if (!transcript.empty()) {
    LineTail(transcript, kTranscriptBytesMax).ReadToEnd([&](std::string_view line) {
      reader->TranscriptLine(line);
    });
  }
  CliAnswer answer = reader->Finish(end);
  if (answer.session_id.empty()) answer.session_id = turn.session_id;
  return answer;
}

void CliRuntime::OnTaskEnd(const TaskSpec& spec, odw::v1::Result end) {
  CliTask state;
  odw::v1::AgentRequest request;
  if (!state.ParseFromString(spec.state()) || !request.ParseFromString(state.request())) {
    end.set_token(BaseToken(spec.token()));
    end.set_ok(false);
    *end.mutable_error() = ErrorOf(odw::v1::INTERNAL, "the state of the task's turn is damaged");
    return sink_->Finished(std::move(end));
  }
  if (!running_.contains(state.token())) Follow(state);  // adopted when it had ended already
  const std::string transcript = running_.at(state.token())->transcript;
  OnAnswer(state, ReadAnswer(spec, TurnOf(state, request), end, transcript));
}

void CliRuntime::OnAnswer(const CliTask& state, CliAnswer answer) {
  const std::string token = state.token();
  Running& running = *running_.at(token);
  loop_->CancelTimer(running.timer);
  odw::v1::Result result;
  (void)result.ParseFromString(state.result());
  AddUsage(answer.usage, result.mutable_usage());
  if (!answer.model.empty()) result.set_model(answer.model);
  result.set_session_id(answer.session_id);
  running.state = state;
  running.state.set_session_id(answer.session_id);
  if (answer.session_usage.ByteSizeLong() > 0) {
    running.state.set_session_usage(answer.session_usage.SerializeAsString());
    adapter_->RememberSession(answer.session_id, answer.session_usage);
  }
  running.state.set_result(result.SerializeAsString());
  const bool schema = !running.request.schema_json().empty();
  if (!answer.text.empty() && (schema || !answer.ok)) {
    result.set_raw_text(answer.text.substr(0, kRawTextBytesMax));
    running.state.set_result(result.SerializeAsString());
  }
  if (running.cancelled && !answer.ok) return Fail(token, running.hopeless);
  if (answer.session_unknown && state.resumes() && state.answers() == 0) {
    running.state.set_resumes(false);
    running.state.set_session_id(adapter_->NewSession());
    running.state.clear_session_usage();
    return NextTurn(token, state.prompt());
  }
  if (answer.schema_refused && !state.contract()) {
    running.state.set_contract(true);
    running.state.set_session_id(state.resumes() ? state.session_id() : adapter_->NewSession());
    return NextTurn(token, state.prompt() + "\n\n" + SchemaContract(running.request));
  }
  const bool native = !state.contract();
  if (schema && answer.schema_tries > 0) {
    const SchemaLoop loop(validator_, running.request, state.answers());
    return OnOutcome(token, loop.GiveUp(answer.error.message(), answer.schema_tries), native);
  }
  if (!answer.ok) {
    const bool ours = running.hopeless.category() != odw::v1::ERROR_CATEGORY_UNSPECIFIED;
    return Fail(token, ours ? running.hopeless : answer.error);
  }
  if (!schema) {
    result.set_ok(true);
    result.set_value(std::move(answer.text));
    return End(token, std::move(result));
  }
  SchemaLoop loop(validator_, running.request, state.answers());
  running.state.set_answers(state.answers() + 1);
  const auto done = [this, token, native](const SchemaOutcome& outcome) {
    OnOutcome(token, outcome, native);
  };
  const bool wrapped = native && ToObjectSchema(running.request.schema_json()).wrapped;
  std::string json = !answer.json.empty() ? answer.json : ExtractJson(answer.text);
  if (wrapped) json = UnwrapValue(json);
  loop.JudgeJson(json, done);
}

void CliRuntime::OnOutcome(const std::string& token, const SchemaOutcome& outcome, bool native) {
  const auto it = running_.find(token);
  if (it == running_.end()) return;
  Running& running = *it->second;
  if (running.cancelled && outcome.kind != SchemaOutcome::Kind::kAccepted)
    return Fail(token, running.hopeless);
  if (outcome.kind == SchemaOutcome::Kind::kRepair) {
    running.state.set_resumes(true);
    return NextTurn(token, outcome.prompt);
  }
  odw::v1::Result result;
  (void)result.ParseFromString(running.state.result());
  const uint32_t answers = running.state.answers();
  result.set_repair_turns(answers > 0 ? answers - 1 : 0);
  running.state.set_result(result.SerializeAsString());
  if (outcome.kind == SchemaOutcome::Kind::kFailed) return Fail(token, outcome.error);
  result.set_ok(true);
  result.set_value(outcome.json);
  result.set_value_is_json(true);
  result.set_schema_path(answers > 1 ? odw::v1::SCHEMA_PATH_REPAIRED
                         : native    ? odw::v1::SCHEMA_PATH_NATIVE
                                     : odw::v1::SCHEMA_PATH_CONTRACT);
  End(token, std::move(result));
}

void CliRuntime::NextTurn(const std::string& token, const std::string& prompt) {
  CliTask next = running_.at(token)->state;
  next.set_turn(next.turn() + 1);
  next.set_prompt(prompt);
  absl::Status status =
      next.turn() < kTurnsMax ? StartTurn(next) : absl::InternalError("too many turns");
  if (!status.ok())
    return Fail(token, ErrorOf(odw::v1::INTERNAL,
                               "the next turn could not be started: " + MessageOf(status)));
  // Only now: a death between the two leaves both files, and the later one counts.
  pool_.Forget(TurnToken(token, next.turn() - 1));
  Follow(next);
}

void CliRuntime::Fail(const std::string& token, odw::v1::Error error) {
  odw::v1::Result result;
  (void)result.ParseFromString(running_.at(token)->state.result());
  *result.mutable_error() = std::move(error);
  End(token, std::move(result));
}

}  // namespace odw::executors
