// Stands in for odwd where odwctl starts it: takes --data DIR, serves a fake Control on
// DIR/odwd.sock, writes odwd.json. FAKE_ODWD_VERSION replaces the version; FAKE_ODWD_DIES makes it
// end with a message.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/testing/fake_control.h"
#include "daemon/base/fd.h"
#include "daemon/base/version.h"

int main(int argc, char** argv) {
  std::string data;
  for (int i = 1; i + 1 < argc; ++i) {
    if (strcmp(argv[i], "--data") == 0) data = argv[i + 1];
  }
  if (getenv("FAKE_ODWD_DIES") != nullptr) {
    fprintf(stderr, "the journal is of a newer version\n");
    return 1;
  }
  const auto lock = odw::LockFile(data + "/lock");
  if (!lock.ok()) return 1;
  alarm(60);  // a test that fails leaves nothing behind for long
  FILE* starts = fopen((data + "/starts").c_str(), "a");
  fprintf(starts, "%d\n", getpid());
  fclose(starts);
  unlink((data + "/odwd.sock").c_str());
  odw::client::FakeControl control(data + "/odwd.sock",
                                   odw::client::PlainRun(odw::v1::COMPLETED, 2));
  const char* version = getenv("FAKE_ODWD_VERSION");
  const std::string ready = std::string("{\"pid\":") + std::to_string(getpid()) +
                            ",\"version\":\"" + (version != nullptr ? version : odw::kVersion) +
                            "\",\"listen\":[\"" + control.address() + "\"],\"http\":\"\"}\n";
  if (!odw::WriteFileAtomically(data + "/odwd.json", ready).ok()) return 1;
  control.Wait();
}
