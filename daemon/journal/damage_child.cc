// A process of its own for damage_test.cc: writes groups of three events to a journal, then dies in
// the way that is asked for.
//   damage_child FOLDER killed COUNT        that many groups, then kill -9
//   damage_child FOLDER full BYTES          files may not grow past BYTES, as on a full disk;
//   prints how
//                                           many groups were acknowledged
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "daemon/base/ids.h"
#include "daemon/journal/rocks_journal.h"

namespace odw::journal {
namespace {

constexpr char kRun[] = "wf_aaaaaa";
constexpr uint64_t kEventsAGroup = 3;

Group MakeGroup(uint64_t number, size_t text_bytes) {
  Group group;
  for (uint64_t i = 1; i <= kEventsAGroup; ++i) {
    v1::Event event;
    event.mutable_line()->set_text(RandomHex(text_bytes / 2));
    group.events.push_back(
        {.run_id = kRun, .seq = number * kEventsAGroup + i, .bytes = event.SerializeAsString()});
  }
  v1::RunSummary& summary = group.summaries.emplace_back();
  summary.set_run_id(kRun);
  summary.set_state(v1::RUNNING);
  summary.set_last_event((number + 1) * kEventsAGroup);
  return group;
}

int WriteAndDie(RocksJournal* journal, uint64_t count) {
  for (uint64_t i = 0; i < count; ++i) {
    if (!journal->Append(MakeGroup(i, 200)).ok()) return 4;
  }
  kill(getpid(), SIGKILL);
  return 5;
}

int WriteUntilFull(RocksJournal* journal, rlim_t bytes) {
  signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{.rlim_cur = bytes, .rlim_max = bytes};
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 6;
  uint64_t acknowledged = 0;
  absl::Status status;
  while ((status = journal->Append(MakeGroup(acknowledged, 2000))).ok()) ++acknowledged;
  const bool sticky =
      journal->Append(MakeGroup(acknowledged, 10)) == status && journal->error() == status;
  const bool readable = journal->ReadSummary(kRun).ok();
  std::printf("%llu\n", static_cast<unsigned long long>(acknowledged));
  return sticky && readable ? 0 : 7;
}

int Main(int argc, char** argv) {
  if (argc != 4) return 2;
  auto journal = RocksJournal::Open(argv[1]);
  if (!journal.ok()) return 3;
  const uint64_t number = std::strtoull(argv[3], nullptr, 10);
  return std::strcmp(argv[2], "killed") == 0 ? WriteAndDie(journal->get(), number)
                                             : WriteUntilFull(journal->get(), number);
}

}  // namespace
}  // namespace odw::journal

int main(int argc, char** argv) { return odw::journal::Main(argc, argv); }
