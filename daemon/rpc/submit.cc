#include "daemon/rpc/submit.h"

#include <nlohmann/json.hpp>

#include "daemon/base/canonical_json.h"
#include "daemon/base/ids.h"
#include "daemon/base/sha256.h"
#include "daemon/model/secret_scan.h"
#include "daemon/model/utf8.h"

namespace odw::rpc {
namespace {

constexpr char kDefaultScriptName[] = "script.js";
constexpr size_t kProblemsShownMax = 20;

// Editors of one system write UTF-16 where another's write UTF-8.
absl::Status NotUtf8(const std::string& script, size_t byte) {
  const std::string start = script.substr(0, 2);
  if (start == "\xFF\xFE" || start == "\xFE\xFF") {
    return absl::InvalidArgumentError("the script is UTF-16; save the file as UTF-8");
  }
  const model::TextPlace place = model::PlaceOf(script, byte);
  return absl::InvalidArgumentError("the script is not UTF-8 (line " + std::to_string(place.line) +
                                    ", column " + std::to_string(place.column) +
                                    "); save the file as UTF-8");
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

absl::Status CheckName(const char* what, const std::string& name) {
  if (name.size() > kNameBytesMax) {
    return TooMuch(std::string("the length of ") + what, name.size(), kNameBytesMax,
                   "a fixed limit");
  }
  if (name.find('\0') == std::string::npos) return absl::OkStatus();
  return absl::InvalidArgumentError(std::string(what) + " holds a zero byte");
}

absl::Status RefuseSecret(const std::string& where, std::string_view text,
                          const model::FoundSecret& secret, const std::string& allow) {
  const model::TextPlace place = model::PlaceOf(text, secret.byte);
  return absl::InvalidArgumentError(
      where + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) +
      ": this looks like " + secret.kind +
      ", and what is submitted is stored. Give the key to the executor's environment instead; " +
      allow);
}

// Of script and args: what an idempotency key must repeat. The same args in another key order are
// the same.
std::string BodyDigest(const v1::SubmitRequest& request, const ResumedRun* resumed) {
  std::string body = Sha256(request.script());
  if (request.has_args_json()) {
    const absl::StatusOr<std::string> canonical = CanonicalJson(request.args_json());
    body += Sha256(canonical.ok() ? *canonical : request.args_json());
  }
  if (resumed != nullptr) body += resumed->header.run_id() + std::to_string(resumed->mode);
  return Sha256(body);
}

v1::RunSettings MakeSettings(const v1::SubmitRequest& request, const v1::script::LoadReply& reply,
                             const SubmitDefaults& defaults, const ResumedRun* resumed) {
  v1::RunSettings settings = DefaultSettings(defaults);
  if (resumed != nullptr) {
    // Over the defaults, for the old run may be of an odwd that knew fewer settings.
    settings.MergeFrom(resumed->header.settings());
    settings.set_return_grace_ms(resumed->header.settings().return_grace_ms());
    SetExchange(defaults, &settings);  // a new run: today's
  }
  ApplyOptions(request.options(), &settings);
  SetPhaseModels(reply.meta_json(), &settings);
  const bool asked = request.options().budget_tokens() > 0;
  const bool inherited = settings.has_budget_total() && resumed != nullptr && !resumed->new_args;
  if (reply.dialect() == v1::ODW && request.has_args_json() && !asked && !inherited) {
    const double total = BudgetOfArgs(request.args_json());
    if (total > 0) settings.set_budget_total(total);
  }
  return settings;
}

}  // namespace

absl::Status CheckScript(const std::string& script, const config::Limits& limits) {
  if (script.empty()) return absl::InvalidArgumentError("the script is empty");
  // Four bytes a character at most: no need to scan what cannot fit.
  if (script.size() / 4 > limits.script_chars_max) {
    return TooMuch("the script's length in bytes", script.size(), limits.script_chars_max,
                   "limits.script_chars_max");
  }
  const model::Utf8Scan scan = model::ScanUtf8(script);
  if (!scan.ok) {
    return NotUtf8(script, scan.bad_byte);
  }
  if (scan.chars > limits.script_chars_max) {
    return TooMuch("the script's length in characters", scan.chars, limits.script_chars_max,
                   "limits.script_chars_max");
  }
  return absl::OkStatus();
}

absl::Status CheckSubmit(const v1::SubmitRequest& request, const config::Limits& limits) {
  if (!request.script().empty() && !request.workflow().empty()) {
    return absl::InvalidArgumentError("give a script or the name of a saved workflow, not both");
  }
  ODW_RETURN_IF_ERROR(CheckArgs(request, limits));
  ODW_RETURN_IF_ERROR(CheckName("script_name", request.script_name()));
  ODW_RETURN_IF_ERROR(CheckName("script_path", request.script_path()));
  ODW_RETURN_IF_ERROR(CheckName("workflow", request.workflow()));
  if (model::ScanUtf8(request.idempotency_key()).chars > kIdempotencyKeyCharsMax ||
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

absl::Status CheckSecrets(const v1::SubmitRequest& request) {
  if (const auto secret = model::FindSecret(request.script())) {
    return RefuseSecret(ScriptNameOf(request), request.script(), *secret,
                        "or, when it is none, say odw:allow-secret in a comment on that line");
  }
  if (const auto secret = model::FindSecret(request.args_json())) {
    return RefuseSecret("args", request.args_json(), *secret,
                        "or, when it is none, set secrets = \"allow\" in odwd's configuration");
  }
  return absl::OkStatus();
}

std::string ScriptNameOf(const v1::SubmitRequest& request) {
  if (!request.script_name().empty()) return request.script_name();
  const std::string& path = request.script_path();
  const std::string name = path.substr(path.rfind('/') + 1);
  return name.empty() ? kDefaultScriptName : name;
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
                            const std::string& owner, const ResumedRun* resumed) {
  v1::RunSubmitted header;
  header.set_run_id(NewRunId());
  header.set_owner(owner);
  header.set_script_name(ScriptNameOf(request));
  header.set_name(reply.name().empty() ? header.script_name() : reply.name());
  header.set_description(reply.description());
  header.set_meta_json(reply.meta_json());
  header.set_entry(reply.entry());
  header.set_workflow_name(request.workflow());
  header.set_script_path(request.script_path());
  header.set_idempotency_key(request.idempotency_key());
  if (!request.idempotency_key().empty()) header.set_body_sha256(BodyDigest(request, resumed));
  header.set_dialect(static_cast<v1::Dialect>(reply.dialect()));
  *header.mutable_settings() = MakeSettings(request, reply, defaults, resumed);
  *header.mutable_versions() = versions;
  if (resumed != nullptr) {
    header.set_resumed_from(resumed->header.run_id());
    header.set_resume_mode(resumed->mode);
  }
  return header;
}

v1::SubmitRequest SubmitOfResume(const v1::ResumeRequest& request, const v1::RunSubmitted& old,
                                 std::string source, const std::string* args_json) {
  v1::SubmitRequest submit;
  const bool same_script = request.script().empty();
  submit.set_script(same_script ? std::move(source) : request.script());
  submit.set_script_name(request.script_name());
  if (request.script_name().empty()) submit.set_script_name(old.script_name());
  if (same_script) {
    submit.set_script_path(old.script_path());
    submit.set_dialect(old.dialect());
  }
  if (request.dialect() != v1::DIALECT_UNSPECIFIED) submit.set_dialect(request.dialect());
  if (request.has_args_json()) {
    submit.set_args_json(request.args_json());
  } else if (args_json != nullptr) {
    submit.set_args_json(*args_json);
  }
  *submit.mutable_options() = request.options();
  submit.set_idempotency_key(request.idempotency_key());
  return submit;
}

}  // namespace odw::rpc
