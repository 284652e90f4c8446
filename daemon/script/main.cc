// odw-script: evaluates workflow scripts in V8, sandboxed and disposable. One binary, several
// roles.
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <string>

#include "daemon/base/fd.h"
#include "daemon/base/log.h"
#include "daemon/base/version.h"
#include "daemon/script/loader.h"
#include "daemon/script/platform.h"
#include "daemon/script/self_test.h"
#include "daemon/script/snapshot.h"
#include "daemon/script/validator.h"
#include "daemon/script/zygote.h"

namespace {

constexpr int kZygoteControlFd = 3;

constexpr char kUsage[] =
    "usage: odw-script ROLE\n"
    "  --zygote    forks script hosts; ZygoteRequest frames on descriptor 3\n"
    "  --load      checks scripts; LoadRequest frames on standard input\n"
    "  --validate  checks values against JSON Schemas; ValidateRequest frames on standard input\n"
    "  --version   prints the version\n"
    "odwd and odw-executor start these; there is no reason to do so by hand.\n";

int MakeSnapshotFiles(const char* js_folder, const char* out_folder) {
  const absl::Status status = odw::script::MakeSnapshots(js_folder, out_folder);
  if (status.ok()) return 0;
  fprintf(stderr, "odw-script: making the snapshots: %s\n", odw::MessageOf(status).c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);
  odw::InitLog("odw-script", odw::LogLevel::kInfo);
  const std::string role = argc > 1 ? argv[1] : "";
  if (role == "--version") {
    printf("odw-script %s\n", odw::kVersion);
    return 0;
  }
  if (role == "--make-snapshots" && argc == 4) {
    odw::script::InitV8();
    return MakeSnapshotFiles(argv[2], argv[3]);
  }
  if (odw::script::EmbeddedSnapshot(odw::script::Snapshot::kScript) == nullptr) {
    fputs("odw-script: this binary has no snapshot; it is only for building odw-script\n", stderr);
    return 1;
  }
  if (role == "--zygote") {
    odw::script::InitV8();
    return odw::script::RunZygote(kZygoteControlFd);
  }
  // Out by _exit: what libraries do in exit handlers is not for a sandboxed process.
  if (role == "--load") {
    odw::script::InitV8();
    _exit(odw::script::RunLoader());
  }
  if (role == "--validate") {
    odw::script::InitV8();
    _exit(odw::script::RunValidator());
  }
  if (role == "--self-test") {
    odw::script::InitV8();
    return odw::script::RunSelfTest();
  }
  fputs(kUsage, stderr);
  return 2;
}
