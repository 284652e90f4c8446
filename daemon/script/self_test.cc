#include "daemon/script/self_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>

#include "daemon/base/fd.h"
#include "daemon/base/frame.h"
#include "daemon/script/engine.h"
#include "daemon/script/host.h"
#include "daemon/script/sandbox.h"
#include "odw/v1/script.pb.h"

namespace odw::script {
namespace {

namespace pb = ::odw::v1::script;

struct Forbidden {
  const char* name;
  void (*issue)();
  bool allowed_for_sanitizers = false;
};

char page[4096] __attribute__((aligned(4096)));

void Execve() {
  char path[] = "/bin/true";
  char* argv[] = {path, nullptr};
  execve(path, argv, nullptr);
}

void Connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strcpy(address.sun_path, "/run/x");
  connect(0, reinterpret_cast<sockaddr*>(&address), sizeof address);
}

void ReadOtherMemory() {
  iovec part{page, sizeof page};
  process_vm_readv(getppid(), &part, 1, &part, 1, 0);
}

void WriteOtherMemory() {
  iovec part{page, sizeof page};
  process_vm_writev(getpid(), &part, 1, &part, 1, 0);
}

constexpr Forbidden kForbidden[] = {
    {"execve", Execve},
    {"execveat", [] { syscall(SYS_execveat, -1, "/bin/true", nullptr, nullptr, 0); }},
    {"open", [] { syscall(SYS_open, "/etc/passwd", O_RDONLY); }},
    {"openat", [] { syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY); }, true},
    {"openat2", [] { syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", nullptr, 0); }},
    {"creat", [] { syscall(SYS_creat, "/tmp/x", 0600); }},
    {"unlink", [] { syscall(SYS_unlink, "/tmp/x"); }},
    {"stat", [] { syscall(SYS_stat, "/etc/passwd", page); }},
    {"socket", [] { syscall(SYS_socket, AF_INET, SOCK_STREAM, 0); }},
    {"socketpair", [] { syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, page); }},
    {"connect", Connect},
    {"bind", [] { syscall(SYS_bind, 0, page, 16); }},
    {"sendmsg", [] { syscall(SYS_sendmsg, 0, page, 0); }},
    {"recvmsg", [] { syscall(SYS_recvmsg, 0, page, 0); }},
    {"kill", [] { syscall(SYS_kill, 1, 0); }},
    {"tgkill", [] { syscall(SYS_tgkill, 1, 1, 0); }, true},
    {"ptrace", [] { syscall(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0); }},
    {"process_vm_readv", ReadOtherMemory},
    {"process_vm_writev", WriteOtherMemory},
    {"pidfd_open", [] { syscall(SYS_pidfd_open, 1, 0); }},
    {"fork", [] { syscall(SYS_fork); }},
    {"vfork/clone", [] { syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr); }},
    {"clone3", [] { syscall(SYS_clone3, nullptr, 0); }},
    {"mmap PROT_EXEC",
     [] { mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }},
    {"mprotect PROT_EXEC", [] { mprotect(page, sizeof page, PROT_READ | PROT_EXEC); }},
    {"memfd_create", [] { syscall(SYS_memfd_create, "x", 0); }},
    {"io_uring_setup", [] { syscall(SYS_io_uring_setup, 1, page); }},
    {"bpf", [] { syscall(SYS_bpf, 0, page, 0); }},
    {"userfaultfd", [] { syscall(SYS_userfaultfd, 0); }},
    {"perf_event_open", [] { syscall(SYS_perf_event_open, page, 0, -1, -1, 0); }},
    {"setrlimit", [] { syscall(SYS_setrlimit, 0, page); }},
    {"prctl", [] { syscall(SYS_prctl, 1, 0, 0, 0, 0); }, true},
    {"seccomp", [] { syscall(SYS_seccomp, 0, 0, nullptr); }},
    {"unshare", [] { syscall(SYS_unshare, 0); }},
    {"mount", [] { syscall(SYS_mount, nullptr, nullptr, nullptr, 0, nullptr); }},
    {"dup", [] { syscall(SYS_dup, 0); }},
    {"ioctl", [] { syscall(SYS_ioctl, 0, 0, nullptr); }},
    {"shmget", [] { syscall(SYS_shmget, 0, 4096, 0); }},
};

// Touches what might open a file on first use (time zones, every Intl class), and much memory.
constexpr char kScript[] = R"(export const meta = { name: 'self-test', description: 'd' };
const date = new Date(1e12);
const dates = [date.toString(), date.toLocaleString('de'), date.getTimezoneOffset(),
  new Intl.DateTimeFormat('en', {timeZone: 'Asia/Tokyo', timeStyle: 'full', dateStyle: 'full'}).format(date),
  new Intl.DateTimeFormat('ja-JP-u-ca-japanese', {timeZoneName: 'long'}).formatToParts(date).length];
const words = ['b', 'ä', 'a'].sort(new Intl.Collator('de').compare);
const texts = [new Intl.NumberFormat('fr', {style: 'currency', currency: 'EUR'}).format(1234.5),
  new Intl.DisplayNames('en', {type: 'region'}).of('GB'), new Intl.Locale('zh').maximize().toString(),
  new Intl.ListFormat('en').format(['a', 'b']), new Intl.PluralRules('pl').select(5),
  new Intl.RelativeTimeFormat('en').format(1, 'day'), 'i'.toLocaleUpperCase('tr'), 'x'.normalize('NFKD')];
const segments = [...new Intl.Segmenter('ja', {granularity: 'word'}).segment('こんにちは世界')].length;
const zones = Intl.supportedValuesOf('timeZone').length;
const map = new Map(); for (let i = 0; i < 200000; i++) map.set(i, {i});
/(a+)+b/.test('a'.repeat(18));
return {dates, words, texts, segments, zones, size: map.size};
)";

// How the child that issued the call ended, in words; nullopt when the sandbox killed it.
std::optional<std::string> WhyNotRefused(const Forbidden& call) {
  const pid_t child = fork();
  if (child < 0) return "fork failed";
  if (child == 0) {
    Engine engine(Snapshot::kScript, [](Engine::FatalKind, const std::string&) { _exit(3); });
    if (!EnterSandbox().ok()) _exit(2);
    call.issue();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) return std::nullopt;
  if (WIFSIGNALED(status)) return "ended by signal " + std::to_string(WTERMSIG(status));
  if (WEXITSTATUS(status) == 2) return "the sandbox could not be entered";
  return "the call returned";
}

// Runs kScript in a host as odwd would; what went wrong, or nullopt.
std::optional<std::string> WhyScriptFailed() {
  absl::StatusOr<SocketPair> pair = MakeSocketPair();
  if (!pair.ok()) return MessageOf(pair.status());
  const pid_t child = fork();
  if (child < 0) return "fork failed";
  if (child == 0) {
    pair->ours.Reset();
    RunHost(pair->theirs.Release());
  }
  pair->theirs.Reset();
  pb::ToHost start;
  start.set_epoch(1);
  start.mutable_start()->set_script_name("self-test.js");
  start.mutable_start()->set_source(kScript);
  std::string problem = "the host ended without a word";
  FrameReader reader;
  if (WriteFrame(pair->ours.get(), start.SerializeAsString()).ok()) {
    for (;;) {
      auto frame = ReadFrame(pair->ours.get(), &reader);
      pb::FromHost message;
      if (!frame.ok() || !frame->has_value() || !message.ParseFromString(**frame)) break;
      if (message.has_ready()) continue;
      problem = message.turn().thrown().message() + message.fatal().message();
      if (message.turn().has_returned()) problem.clear();
      break;
    }
  }
  pair->ours.Reset();
  waitpid(child, nullptr, 0);
  if (problem.empty()) return std::nullopt;
  return problem;
}

bool Report(const char* name, const std::optional<std::string>& problem) {
  printf("%-22s %s\n", name, problem ? ("NOT OK: " + *problem).c_str() : "ok");
  return !problem.has_value();
}

}  // namespace

int RunSelfTest() {
  setvbuf(stdout, nullptr, _IONBF, 0);  // children must not inherit half a table
  const absl::Status prepared = PrepareSandbox();
  if (!prepared.ok()) {
    Report("system call filter", MessageOf(prepared));
    return 1;
  }
  bool good = true;
  for (const Forbidden& call : kForbidden) {
#if defined(ODW_SANITIZER)
    if (call.allowed_for_sanitizers) continue;
#endif
    good &= Report(call.name, WhyNotRefused(call));
  }
  good &= Report("a script", WhyScriptFailed());
  puts(good ? "every forbidden system call is refused, and scripts run" : "the sandbox has a hole");
  return good ? 0 : 1;
}

}  // namespace odw::script
