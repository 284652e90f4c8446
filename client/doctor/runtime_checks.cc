#include "client/doctor/runtime_checks.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "client/output/text.h"
#include "daemon/base/fd.h"
#include "daemon/base/subprocess.h"

namespace odw::client {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kRuntimes[] = {"claude", "codex", "bamboo"};
// A CLI has 20 s for its version and an address 5 s; a probe has 30 s for each provider.
constexpr absl::Duration kAnswerTime = absl::Seconds(40);
constexpr absl::Duration kProbeTime = absl::Seconds(300);
constexpr size_t kAnswerBytesMax = 1 << 20;

struct Asked {
  std::string runtime;
  UniqueFd out, err;
  absl::StatusOr<Subprocess> process;
};

std::string Read(const UniqueFd& file) {
  std::string text(kAnswerBytesMax, '\0');
  const ssize_t got = pread(file.get(), text.data(), text.size(), 0);
  text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return text;
}

Asked Ask(const std::string& runtime, const RuntimeWish& wish) {
  SubprocessOptions options;
  options.argv = {OwnBinaryFolder() + "/odw-executor", "--doctor", "--runtime", runtime};
  if (!wish.config.empty()) options.argv.insert(options.argv.end(), {"--config", wish.config});
  if (wish.probe) options.argv.push_back("--probe");
  if (!wish.state.empty()) options.env.push_back("ODW_STATE=" + wish.state);
  UniqueFd out(memfd_create("doctor-out", MFD_CLOEXEC));
  UniqueFd err(memfd_create("doctor-err", MFD_CLOEXEC));
  if (out.get() < 0 || err.get() < 0) {
    absl::Status failed = ErrnoStatus("making a memory file");
    return {runtime, std::move(out), std::move(err), std::move(failed)};
  }
  options.fds = {{out.get(), 1}, {err.get(), 2}};
  return {runtime, std::move(out), std::move(err), StartSubprocess(options)};
}

RuntimeAnswer Await(Asked asked, absl::Time deadline) {
  RuntimeAnswer answer{.runtime = asked.runtime, .out = "", .problem = ""};
  if (!asked.process.ok()) {
    answer.problem = MessageOf(asked.process.status());
    return answer;
  }
  const int64_t left_ms = absl::ToInt64Milliseconds(deadline - absl::Now());
  pollfd ready{.fd = asked.process->pidfd(), .events = POLLIN, .revents = 0};
  const bool ended = poll(&ready, 1, static_cast<int>(std::max<int64_t>(left_ms, 0))) == 1;
  if (!ended) (void)asked.process->Signal(SIGKILL);
  const absl::StatusOr<int> status = asked.process->Wait();
  if (!ended) {
    answer.problem = "odw-executor --doctor did not answer in time";
  } else if (!status.ok()) {
    answer.problem = MessageOf(status.status());
  } else if (*status != 0 && *status != 1) {
    answer.problem = "odw-executor --doctor ended with status " + std::to_string(*status);
  } else {
    answer.out = Read(asked.out);
    if (answer.out.empty()) answer.problem = Read(asked.err);
  }
  return answer;
}

// The list of checks; discarded when `answer` holds none.
Json ListOf(const RuntimeAnswer& answer) {
  Json parsed = Json::parse(answer.out, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("checks") || !parsed["checks"].is_array()) {
    return Json(Json::value_t::discarded);
  }
  for (const Json& check : parsed["checks"]) {
    if (!check.is_object()) return Json(Json::value_t::discarded);
  }
  return std::move(parsed["checks"]);
}

// A field of another kind counts as absent: the executor may be of another version.
std::string TextOf(const Json& check, const char* field) {
  const auto it = check.find(field);
  return it != check.end() && it->is_string() ? OneLine(it->get<std::string>()) : "";
}

bool FlagOf(const Json& check, const char* field) {
  const auto it = check.find(field);
  return it != check.end() && it->is_boolean() && it->get<bool>();
}

uint64_t NumberOf(const Json& check, const char* field) {
  const auto it = check.find(field);
  return it != check.end() && it->is_number_unsigned() ? it->get<uint64_t>() : 0;
}

std::string FoundText(const Json& check) {
  std::string out;
  const auto add = [&](const std::string& text) {
    if (!text.empty()) out += (out.empty() ? "" : ", ") + text;
  };
  if (FlagOf(check, "set_up")) {
    add(TextOf(check, "problem"));
  } else {
    add("not set up: " + TextOf(check, "problem"));
  }
  add(TextOf(check, "version"));
  add(TextOf(check, "model"));
  add(TextOf(check, "program"));
  if (FlagOf(check, "key_present")) add(TextOf(check, "key_variable") + " is set");
  if (check.contains("reachable")) {
    add(TextOf(check, "base_url") +
        (FlagOf(check, "reachable")
             ? " answers (HTTP " + std::to_string(NumberOf(check, "http_status")) + ")"
             : " does not answer"));
  }
  const auto probe = check.find("probe");
  if (probe != check.end() && probe->is_object() && FlagOf(*probe, "ok")) {
    const Json usage = probe->value("usage", Json::object());
    add("probe ok (" + std::to_string(NumberOf(usage, "input_tokens")) + " tokens in, " +
        std::to_string(NumberOf(usage, "output_tokens")) + " out)");
  }
  return out;
}

}  // namespace

std::vector<RuntimeAnswer> AskExecutors(const RuntimeWish& wish) {
  const absl::Time deadline = absl::Now() + (wish.probe ? kProbeTime : kAnswerTime);
  std::vector<Asked> asked;
  for (const char* runtime : kRuntimes) asked.push_back(Ask(runtime, wish));
  std::vector<RuntimeAnswer> answers;
  for (Asked& one : asked) answers.push_back(Await(std::move(one), deadline));
  return answers;
}

std::vector<Check> ChecksOf(const RuntimeAnswer& answer) {
  const Json list = ListOf(answer);
  if (list.is_discarded()) {
    const std::string why = answer.problem.empty() ? "odw-executor gave no answer" : answer.problem;
    return {{answer.runtime, Verdict::kBad, OneLine(why),
             "Run odw-executor --doctor --runtime " + answer.runtime}};
  }
  std::vector<Check> checks;
  for (const Json& check : list) {
    const std::string provider = TextOf(check, "provider");
    const Verdict verdict = !FlagOf(check, "set_up") ? Verdict::kNote
                            : FlagOf(check, "ok")    ? Verdict::kGood
                                                     : Verdict::kBad;
    checks.push_back({answer.runtime + (provider.empty() ? "" : " " + provider), verdict,
                      FoundText(check), TextOf(check, "next_step")});
  }
  return checks;
}

std::string ChecksJsonOf(const RuntimeAnswer& answer) {
  const Json list = ListOf(answer);
  return list.is_discarded() ? "[]"
                             : list.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace odw::client
