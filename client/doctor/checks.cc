#include "client/doctor/checks.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "client/doctor/limit_checks.h"
#include "client/doctor/runtime_checks.h"
#include "client/output/json.h"
#include "client/output/text.h"
#include "daemon/base/canonical_json.h"
#include "daemon/base/clock.h"
#include "daemon/base/subprocess.h"
#include "daemon/base/version.h"

namespace odw::client {
namespace {

// Below this the journal may run full within one larger run.
constexpr uint64_t kFreeBytesWanted = 1ull << 30;

Check Binaries() {
  const std::string folder = OwnBinaryFolder();
  std::string missing;
  for (const char* name : {"odwd", "odw-script", "odw-executor"}) {
    if (access((folder + "/" + name).c_str(), X_OK) != 0) missing += std::string(" ") + name;
  }
  if (missing.empty()) return {"binaries", Verdict::kGood, "all in " + folder};
  return {"binaries", Verdict::kBad, "missing in " + folder + ":" + missing,
          "Build or install them beside odwctl."};
}

Check Folder(const StateFolder& folder) {
  struct stat info = {};
  if (stat(folder.root.c_str(), &info) != 0) {
    return {"state folder", Verdict::kNote, folder.root + " is made when it is first needed"};
  }
  if (access(folder.root.c_str(), R_OK | W_OK | X_OK) != 0) {
    return {"state folder", Verdict::kBad, folder.root + " cannot be written",
            "Give another: --state DIR or ODW_STATE."};
  }
  if ((info.st_mode & 077) != 0) {
    return {"state folder", Verdict::kBad, folder.root + " is open to other users",
            "Close it: chmod 700 " + folder.root};
  }
  return {"state folder", Verdict::kGood, folder.root};
}

Check Disk(const StateFolder& folder) {
  // The nearest parent that exists stands for a folder that does not yet.
  std::string path = folder.root;
  struct statvfs info = {};
  while (statvfs(path.c_str(), &info) != 0 && path.size() > 1) {
    const size_t slash = path.rfind('/');
    path = slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
  }
  const uint64_t free_bytes = static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  const std::string finding = std::to_string(free_bytes >> 20) + " MiB free";
  if (free_bytes >= kFreeBytesWanted) return {"disk", Verdict::kGood, finding};
  return {"disk", Verdict::kBad, finding + ", below 1024 MiB: a full disk stops every run",
          "Make room on " + path + ", or give another --state."};
}

void DaemonChecks(const v1::Info& info, std::vector<Check>* checks) {
  const std::string daemon = "odwd " + OneLine(info.version()) + ", process " +
                             std::to_string(info.pid()) + ", " + std::to_string(info.open_runs()) +
                             (info.open_runs() == 1 ? " open run" : " open runs") +
                             ", script hosts " + std::to_string(info.script_hosts()) +
                             " of " + std::to_string(info.script_hosts_max());
  if (info.version() == kVersion) {
    checks->push_back({"daemon", Verdict::kGood, daemon});
  } else {
    checks->push_back({"daemon", Verdict::kNote, daemon + "; this is odwctl " + kVersion,
                       "Use binaries of one version."});
  }
  if (info.journal_error().empty()) {
    checks->push_back({"journal", Verdict::kGood, OneLine(info.data_dir())});
  } else {
    checks->push_back({"journal", Verdict::kBad, OneLine(info.journal_error()),
                       "Mend the cause (a full disk?) and restart odwd: what it acknowledged is "
                       "kept."});
  }
  int connected = 0;
  for (const v1::Executor& executor : info.executors()) {
    connected += executor.connected() ? 1 : 0;
    std::string finding = OneLine(executor.runtime());
    if (!executor.runtime_version().empty()) finding += " " + OneLine(executor.runtime_version());
    finding += ", " + std::to_string(executor.busy()) + " of " + std::to_string(executor.slots()) +
               " slots busy";
    if (!executor.connected()) finding += ", not connected";
    if (executor.draining()) finding += ", draining";
    if (executor.commands_size() > 0) {
      finding += ", commands:";
      for (const std::string& name : executor.commands()) finding += " " + OneLine(name);
    }
    checks->push_back({"executor " + OneLine(executor.name()),
                       executor.connected() ? Verdict::kGood : Verdict::kNote, finding});
  }
  if (connected == 0) {
    checks->push_back({"executors", Verdict::kNote, "none is connected: agent() calls will wait",
                       "Start one: odw-executor --runtime NAME, or odwctl exec --runtime NAME."});
  }
}

void DaemonCheck(Session& session, DoctorReport* report) {
  std::vector<Check>* checks = &report->checks;
  const absl::StatusOr<Endpoint> endpoint = session.FindDaemon();
  if (!endpoint.ok() && absl::IsNotFound(endpoint.status())) {
    checks->push_back({"daemon", Verdict::kNote, "not running; it is started when it is needed"});
    return;
  }
  const absl::StatusOr<v1::Info> info =
      endpoint.ok() ? ControlClient(*endpoint).GetInfo() : endpoint.status();
  if (info.ok()) {
    DaemonChecks(*info, checks);
    const std::vector<Check> limits = LimitChecks(*info, UnixMillis(Clock::Real().Now()));
    checks->insert(checks->end(), limits.begin(), limits.end());
    report->limits_json = LimitsToJson(*info);
    return;
  }
  const Failure failure = FailureOf(info.status());
  const std::string next = failure.code == "unavailable"
                               ? "Is odwd running at " + session.flags().daemon + "?"
                               : failure.next_step;
  checks->push_back({"daemon", Verdict::kBad, failure.message, next});
}

void RuntimeChecks(const RuntimeWish& wish, DoctorReport* report) {
  if (access((OwnBinaryFolder() + "/odw-executor").c_str(), X_OK) != 0) return;  // told already
  std::string list;
  for (const RuntimeAnswer& answer : AskExecutors(wish)) {
    const std::vector<Check> checks = ChecksOf(answer);
    report->checks.insert(report->checks.end(), checks.begin(), checks.end());
    const std::string json = ChecksJsonOf(answer);
    if (json.size() > 2) list += (list.empty() ? "" : ",") + json.substr(1, json.size() - 2);
  }
  report->runtimes_json = "[" + list + "]";
}

const char* Word(Verdict verdict) {
  return verdict == Verdict::kGood ? "ok" : verdict == Verdict::kNote ? "note" : "BAD";
}

}  // namespace

DoctorReport RunChecks(Session& session, const DoctorWish& wish) {
  DoctorReport report;
  std::vector<Check>& checks = report.checks;
  checks = {Binaries()};
  RuntimeWish runtimes{.config = wish.executor_config, .state = "", .probe = wish.probe};
  if (session.uses_private_daemon()) {
    const absl::StatusOr<StateFolder> folder = session.Folder();
    if (folder.ok()) {
      checks.push_back(Folder(*folder));
      checks.push_back(Disk(*folder));
      runtimes.state = folder->root;
      const std::string config = folder->CommandConfig();
      if (runtimes.config.empty() && access(config.c_str(), F_OK) == 0) runtimes.config = config;
    } else {
      const Failure failure = FailureOf(folder.status());
      checks.push_back({"state folder", Verdict::kBad, failure.message, failure.next_step});
    }
  }
  DaemonCheck(session, &report);
  RuntimeChecks(runtimes, &report);
  return report;
}

std::string ChecksText(const std::vector<Check>& checks) {
  std::string out;
  for (const Check& check : checks) {
    out += Pad(Word(check.verdict), 6) + Pad(check.name, 30) + SafeText(check.finding) + "\n";
    if (!check.next_step.empty()) out += std::string(36, ' ') + "next: " + check.next_step + "\n";
  }
  return out;
}

std::string ReportToJson(const DoctorReport& report) {
  bool good = true;
  std::string list;
  for (const Check& check : report.checks) {
    good = good && check.verdict != Verdict::kBad;
    const char* verdict = check.verdict == Verdict::kGood   ? "good"
                          : check.verdict == Verdict::kNote ? "note"
                                                            : "bad";
    list += std::string(list.empty() ? "" : ",") + "{\"name\":" + JsonQuote(check.name) +
            ",\"verdict\":" + JsonQuote(verdict) + ",\"finding\":" + JsonQuote(check.finding) +
            ",\"next_step\":" + JsonQuote(check.next_step) + "}";
  }
  return std::string("{\"ok\":") + (good ? "true" : "false") + ",\"checks\":[" + list +
         "],\"runtimes\":" + report.runtimes_json +
         (report.limits_json.empty() ? "" : "," + report.limits_json.substr(1, report.limits_json.size() - 2)) +
         "}";
}

}  // namespace odw::client
