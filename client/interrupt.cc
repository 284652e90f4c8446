#include "client/interrupt.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>

#include "client/exit_codes.h"

namespace odw::client {
namespace {

// A signal handler can reach nothing but globals. Written only while the signals are blocked.
char g_text[512];
size_t g_text_bytes = 0;

void OnInterrupt(int) {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, g_text, g_text_bytes);
  _exit(static_cast<int>(ExitCode::kInterrupted));
}

}  // namespace

void EndOnInterrupt(const std::string& text) {
  sigset_t both, before;
  sigemptyset(&both);
  sigaddset(&both, SIGINT);
  sigaddset(&both, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &both, &before);
  g_text_bytes = std::min(text.size(), sizeof g_text);
  memcpy(g_text, text.data(), g_text_bytes);
  struct sigaction action = {};
  action.sa_handler = OnInterrupt;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

std::string InterruptedRunText(const std::string& run_id) {
  return "\nodwctl: interrupted; run " + run_id + " goes on.\n  follow it: odwctl watch " + run_id +
         "\n  its result: odwctl result " + run_id + " --wait\n  stop it: odwctl stop " + run_id +
         "\n";
}

}  // namespace odw::client
