#include "daemon/rpc/submit.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "daemon/base/canonical_json.h"
#include "daemon/base/ids.h"
#include "daemon/base/sha256.h"

namespace odw::rpc {
namespace {

constexpr char kDefaultScriptName[] = "script.js";
constexpr size_t kProblemsShownMax = 20;
// A run's token budget: past this a double no longer counts single tokens.
constexpr double kBudgetTokensMax = 9007199254740991.0;

struct Utf8Scan {
  bool ok = true;
  size_t bad_byte = 0;
  size_t chars = 0;
};

// Bytes that a lead byte announces after itself; -1: no lead byte.
int Continuations(unsigned char lead) {
  if (lead < 0x80) return 0;
  if (lead >= 0xC2 && lead < 0xE0) return 1;
  if (lead >= 0xE0 && lead < 0xF0) return 2;
  if (lead >= 0xF0 && lead < 0xF5) return 3;
  return -1;
}

// Overlong forms, surrogates and numbers past U+10FFFF show in the second byte.
bool SecondByteFits(unsigned char lead, unsigned char second) {
  if (lead == 0xE0) return second >= 0xA0;
  if (lead == 0xED) return second < 0xA0;
  if (lead == 0xF0) return second >= 0x90;
  if (lead == 0xF4) return second < 0x90;
  return true;
}

Utf8Scan ScanUtf8(const std::string& text) {
  Utf8Scan scan;
  for (size_t i = 0; i < text.size(); ++scan.chars) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const int more = Continuations(lead);
    bool ok = more >= 0 && i + static_cast<size_t>(more) < text.size();
    for (int k = 1; ok && k <= more; ++k) {
      const auto next = static_cast<unsigned char>(text[i + static_cast<size_t>(k)]);
      ok = (next & 0xC0) == 0x80 && (k > 1 || SecondByteFits(lead, next));
    }
    if (!ok) return {.ok = false, .bad_byte = i, .chars = scan.chars};
    i += 1 + static_cast<size_t>(more);
  }
  return scan;
}

absl::Status TooMuch(const std::string& what, uint64_t has, uint64_t limit,
                     const std::string& setting) {
  return absl::ResourceExhaustedError(what + " is " + std::to_string(has) + " and the limit is " +
                                      std::to_string(limit) + " (" + setting + ")");
}

absl::Status CheckScript(const v1::SubmitRequest& request, const config::Limits& limits) {
  const std::string& script = request.script();
  if (script.empty()) return absl::InvalidArgumentError("the script is empty");
  // Four bytes a character at most: no need to scan what cannot fit.
  if (script.size() / 4 > limits.script_chars_max) {
    return TooMuch("the script's length in bytes", script.size(), limits.script_chars_max,
                   "limits.script_chars_max");
  }
  const Utf8Scan scan = ScanUtf8(script);
  if (!scan.ok) {
    return absl::InvalidArgumentError("the script is not UTF-8: byte " +
                                      std::to_string(scan.bad_byte));
  }
  if (scan.chars > limits.script_chars_max) {
    return TooMuch("the script's length in characters", scan.chars, limits.script_chars_max,
                   "limits.script_chars_max");
  }
  return absl::OkStatus();
}

absl::Status CheckArgs(const v1::SubmitRequest& request, const config::Limits& limits) {
  if (!request.has_args_json()) return absl::OkStatus();
  if (request.args_json().size() > limits.args_bytes_max) {
    return TooMuch("the size of args in bytes", request.args_json().size(), limits.args_bytes_max,
                   "limits.args_bytes_max");
  }
  if (!nlohmann::json::accept(request.args_json())) {
    const absl::Status why = CanonicalJson(request.args_json()).status();
    return absl::InvalidArgumentError("args is not JSON: " + MessageOf(why));
  }
  return absl::OkStatus();
}

absl::Status CheckOption(const char* name, uint32_t value, uint32_t most) {
  if (value <= most) return absl::OkStatus();
  return TooMuch(std::string("the option ") + name, value, most, "a fixed limit");
}

absl::Status CheckOptions(const v1::RunOptions& options) {
  ODW_RETURN_IF_ERROR(CheckOption("concurrency", options.concurrency(), config::kConcurrencyMax));
  ODW_RETURN_IF_ERROR(CheckOption("agents_max", options.agents_max(), config::kAgentsMax));
  ODW_RETURN_IF_ERROR(
      CheckOption("list_length_max", options.list_length_max(), config::kListLengthMax));
  if (!options.cwd().empty() && options.cwd()[0] != '/') {
    return absl::InvalidArgumentError("the option cwd must be an absolute path, not '" +
                                      options.cwd() + "'");
  }
  for (const std::string* text :
       {&options.cwd(), &options.default_runtime(), &options.default_model()}) {
    if (text->size() > kNameBytesMax || text->find('\0') != std::string::npos) {
      return absl::InvalidArgumentError("an option is too long or holds a zero byte");
    }
  }
  const double budget = options.budget_tokens();
  if (!std::isfinite(budget) || budget < 0 || budget > kBudgetTokensMax) {
    return absl::InvalidArgumentError(
        "the option budget_tokens must be a number of tokens, 0 for none");
  }
  return absl::OkStatus();
}

uint32_t Or(uint32_t chosen, uint32_t otherwise) { return chosen > 0 ? chosen : otherwise; }
const std::string& Or(const std::string& chosen, const std::string& otherwise) {
  return chosen.empty() ? otherwise : chosen;
}

// SPEC B13: a phase's model is the default of the calls that belong to it.
void AddPhaseModels(const std::string& meta_json, v1::RunSettings* out) {
  const auto meta = nlohmann::json::parse(meta_json, nullptr, /*allow_exceptions=*/false);
  if (!meta.is_object() || !meta.contains("phases") || !meta["phases"].is_array()) return;
  for (const auto& phase : meta["phases"]) {
    if (!phase.is_object() || !phase.contains("title") || !phase.contains("model")) continue;
    if (!phase["title"].is_string() || !phase["model"].is_string()) continue;
    v1::PhaseModel* entry = out->add_phase_models();
    entry->set_title(phase["title"].get<std::string>());
    entry->set_model(phase["model"].get<std::string>());
  }
}

v1::RunSettings MakeSettings(const v1::RunOptions& options, const std::string& meta_json,
                             const SubmitDefaults& defaults) {
  const config::Limits& limits = defaults.limits;
  v1::RunSettings settings;
  settings.set_concurrency(Or(options.concurrency(), limits.concurrency));
  settings.set_agents_max(Or(options.agents_max(), limits.agents_max));
  settings.set_list_length_max(Or(options.list_length_max(), limits.list_length_max));
  settings.set_log_lines_max(limits.log_lines_max);
  settings.set_log_bytes_max(limits.log_bytes_max);
  settings.set_prompt_bytes_max(limits.prompt_bytes_max);
  settings.set_result_bytes_max(limits.result_bytes_max);
  settings.set_turn_cpu_ms(limits.turn_cpu_ms);
  settings.set_heap_bytes_max(limits.heap_bytes_max);
  settings.set_call_refusals_max(limits.call_refusals_max);
  settings.set_return_grace_ms(limits.return_grace_ms);
  settings.set_default_runtime(Or(options.default_runtime(), defaults.default_runtime));
  settings.set_default_model(Or(options.default_model(), defaults.default_model));
  settings.set_cwd(options.cwd());
  if (options.budget_tokens() > 0) settings.set_budget_total(options.budget_tokens());
  AddPhaseModels(meta_json, &settings);
  return settings;
}

// Of script and args: what an idempotency key must repeat. The same args in another key order are
// the same.
std::string BodyDigest(const v1::SubmitRequest& request) {
  std::string body = Sha256(request.script());
  if (request.has_args_json()) {
    const absl::StatusOr<std::string> canonical = CanonicalJson(request.args_json());
    body += Sha256(canonical.ok() ? *canonical : request.args_json());
  }
  return Sha256(body);
}

}  // namespace

absl::Status CheckSubmit(const v1::SubmitRequest& request, const config::Limits& limits) {
  ODW_RETURN_IF_ERROR(CheckScript(request, limits));
  ODW_RETURN_IF_ERROR(CheckArgs(request, limits));
  if (request.script_name().size() > kNameBytesMax) {
    return TooMuch("the length of script_name", request.script_name().size(), kNameBytesMax,
                   "a fixed limit");
  }
  if (ScanUtf8(request.idempotency_key()).chars > kIdempotencyKeyCharsMax ||
      request.idempotency_key().find('\0') != std::string::npos) {
    return absl::InvalidArgumentError("an idempotency key has at most " +
                                      std::to_string(kIdempotencyKeyCharsMax) +
                                      " characters and no zero byte");
  }
  if (!v1::Dialect_IsValid(request.dialect())) {
    return absl::InvalidArgumentError("unknown dialect " + std::to_string(request.dialect()) +
                                      ": leave it out, or use a newer odwd");
  }
  return CheckOptions(request.options());
}

std::string ScriptNameOf(const v1::SubmitRequest& request) {
  return request.script_name().empty() ? kDefaultScriptName : request.script_name();
}

std::string DescribeProblems(const v1::script::LoadReply& reply, const std::string& script_name) {
  std::string text;
  size_t shown = 0;
  for (const v1::script::Problem& problem : reply.problems()) {
    if (problem.warning()) continue;
    if (++shown > kProblemsShownMax) break;
    if (!text.empty()) text += "\n";
    text += script_name;
    if (problem.line() > 0) {
      text += ":" + std::to_string(problem.line()) + ":" + std::to_string(problem.column());
    }
    text += ": " + problem.message();
    if (!problem.source_line().empty()) text += "\n  " + problem.source_line();
  }
  return text.empty() ? script_name + ": the script was refused without a reason" : text;
}

v1::RunSubmitted MakeHeader(const v1::SubmitRequest& request, const v1::script::LoadReply& reply,
                            const SubmitDefaults& defaults, const v1::Versions& versions,
                            const std::string& owner) {
  v1::RunSubmitted header;
  header.set_run_id(NewRunId());
  header.set_owner(owner);
  header.set_script_name(ScriptNameOf(request));
  header.set_name(reply.name().empty() ? header.script_name() : reply.name());
  header.set_description(reply.description());
  header.set_meta_json(reply.meta_json());
  header.set_idempotency_key(request.idempotency_key());
  if (!request.idempotency_key().empty()) header.set_body_sha256(BodyDigest(request));
  header.set_dialect(static_cast<v1::Dialect>(reply.dialect()));
  *header.mutable_settings() = MakeSettings(request.options(), reply.meta_json(), defaults);
  *header.mutable_versions() = versions;
  return header;
}

}  // namespace odw::rpc
