#include "daemon/script/sandbox.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "daemon/base/fd.h"

namespace odw::script {
namespace {

// Address space past what the process has when the sandbox closes: V8's heap, array buffers,
// frames.
constexpr size_t kAddressSpaceBytes = size_t{4} << 30;
constexpr rlim_t kOpenFilesMax = 16;

constexpr int kAllowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(poll),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(sched_yield),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(getrandom),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

#if defined(ODW_SANITIZER)
// The sanitizers' run-time reads its own maps, symbolises and sleeps; they are for tests only.
constexpr int kAllowedForSanitizers[] = {
    SCMP_SYS(openat),
    SCMP_SYS(close),
    SCMP_SYS(readlink),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(lseek),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(getuid),
    SCMP_SYS(prctl),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getrlimit),
    SCMP_SYS(prlimit64),
    SCMP_SYS(getppid),
    SCMP_SYS(tgkill),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(access),
    SCMP_SYS(pread64),
    SCMP_SYS(set_robust_list),
};
#endif

using Program = std::vector<sock_filter>;

// The filter of this process and of those it forks; empty until PrepareSandbox.
Program& PreparedProgram() {
  static Program program;
  return program;
}

absl::Status SeccompError(const std::string& doing, int error) {
  errno = -error;
  return ErrnoStatus(doing);
}

absl::Status AddRules(scmp_filter_ctx filter) {
  const auto allow = [&](int call) { return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0); };
  for (int call : kAllowed) {
    if (const int error = allow(call)) return SeccompError("allowing a system call", error);
  }
#if defined(ODW_SANITIZER)
  for (int call : kAllowedForSanitizers) {
    if (const int error = allow(call)) return SeccompError("allowing a system call", error);
  }
#endif
  // Memory, but never executable memory.
  for (int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect)}) {
    const int error = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
                                       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (error) return SeccompError("allowing memory", error);
  }
  return absl::OkStatus();
}

absl::StatusOr<Program> BuildProgram() {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
  if (filter == nullptr) return absl::InternalError("seccomp_init failed");
  absl::Status status = AddRules(filter);
  UniqueFd file(static_cast<int>(syscall(SYS_memfd_create, "filter", 1u /* MFD_CLOEXEC */)));
  if (status.ok() && !file.valid()) status = ErrnoStatus("making a memory file");
  if (status.ok()) {
    if (const int error = seccomp_export_bpf(filter, file.get())) {
      status = SeccompError("building the system call filter", error);
    }
  }
  seccomp_release(filter);
  ODW_RETURN_IF_ERROR(status);
  const off_t bytes = lseek(file.get(), 0, SEEK_END);
  Program program(static_cast<size_t>(bytes) / sizeof(sock_filter));
  if (pread(file.get(), program.data(), static_cast<size_t>(bytes), 0) != bytes) {
    return ErrnoStatus("reading the system call filter");
  }
  return program;
}

absl::Status Limit(int resource, rlim_t value) {
  const rlimit limit{value, value};
  return setrlimit(static_cast<__rlimit_resource>(resource), &limit) == 0
             ? absl::OkStatus()
             : ErrnoStatus("setting a resource limit");
}

#if !defined(ODW_SANITIZER)
// Pages that the process has mapped, by /proc/self/statm.
size_t AddressSpaceNow() {
  size_t pages = 0;
  if (FILE* file = fopen("/proc/self/statm", "re")) {
    if (fscanf(file, "%zu", &pages) != 1) pages = 0;
    fclose(file);
  }
  return pages * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}
#endif

}  // namespace

absl::Status PrepareSandbox() {
  ODW_ASSIGN_OR_RETURN(PreparedProgram(), BuildProgram());
  return absl::OkStatus();
}

absl::Status EnterSandbox() {
  if (PreparedProgram().empty()) ODW_RETURN_IF_ERROR(PrepareSandbox());
  Program& program = PreparedProgram();
  ODW_RETURN_IF_ERROR(Limit(RLIMIT_CORE, 0));
  ODW_RETURN_IF_ERROR(Limit(RLIMIT_NOFILE, kOpenFilesMax));
#if !defined(ODW_SANITIZER)
  ODW_RETURN_IF_ERROR(Limit(RLIMIT_AS, AddressSpaceNow() + kAddressSpaceBytes));
#endif
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return ErrnoStatus("setting no_new_privs");
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) != 0) {
    return ErrnoStatus("loading the system call filter");
  }
  return absl::OkStatus();
}

}  // namespace odw::script
