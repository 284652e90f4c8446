// Measures the script host as odwd uses it: fork, start, turns, memory. Prints a table; no test.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "daemon/script/test_host.h"

namespace odw::script {
namespace {

using Clock = std::chrono::steady_clock;

double MsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

struct Spread {
  double median, p99;
};

Spread SpreadOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values[values.size() * 99 / 100]};
}

void Print(const char* what, Spread spread) {
  printf("%-48s median %8.2f ms   p99 %8.2f ms\n", what, spread.median, spread.p99);
}

// Private pages of a process, in MiB.
double PrivateMiB(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/smaps_rollup";
  FILE* file = fopen(path.c_str(), "re");
  if (file == nullptr) return 0;
  char line[256];
  long total = 0, kib = 0;
  while (fgets(line, sizeof line, file) != nullptr) {
    // Not Private_Clean: pages of libnode that happen to be mapped here alone at the moment.
    if (sscanf(line, "Private_Dirty: %ld", &kib) == 1) total += kib;
  }
  fclose(file);
  return static_cast<double>(total) / 1024;
}

// CPU that a process has used, in ms: steadier than the wall clock on a busy machine.
double CpuMs(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/schedstat";
  FILE* file = fopen(path.c_str(), "re");
  if (file == nullptr) return 0;
  unsigned long long ns = 0;
  if (fscanf(file, "%llu", &ns) != 1) ns = 0;
  fclose(file);
  return static_cast<double>(ns) / 1e6;
}

void Forks(TestZygote* zygote) {
  std::vector<double> times, memory, cpu;
  for (int i = 0; i < 30; ++i) {
    const auto start = Clock::now();
    TestHost host(zygote);
    times.push_back(MsSince(start));
    memory.push_back(PrivateMiB(host.pid()));
    cpu.push_back(CpuMs(host.pid()));
  }
  Print("fork request to Ready", SpreadOf(times));
  Print("  of which the host's CPU", SpreadOf(cpu));
  printf("%-48s median %8.2f MiB\n", "private memory of an idle host", SpreadOf(memory).median);
}

void Starts(TestZygote* zygote) {
  TestHost host(zygote);
  std::vector<double> times, fresh;
  for (int i = 0; i < 200; ++i) {
    const auto start = Clock::now();
    host.Start("return await agent('hello')");
    times.push_back(MsSince(start));
    host.SettleText(1, "x");
    host.End();
    // As between two runs of a real daemon: the host prepares its next realm meanwhile.
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  Print("Start to first turn, warm", SpreadOf(times));
  for (int i = 0; i < 50; ++i) {
    pb::Start options;
    options.set_fresh_isolate(1);
    const auto start = Clock::now();
    host.Start("return 1", options);
    fresh.push_back(MsSince(start));
    host.End();
  }
  Print("Start to first turn, fresh isolate", SpreadOf(fresh));
  printf("%-48s        %8.2f MiB\n", "private memory after 250 runs", PrivateMiB(host.pid()));
}

void Sequential(TestZygote* zygote) {
  std::vector<double> times;
  uint64_t cpu_us = 0;
  for (int round = 0; round < 5; ++round) {
    TestHost host(zygote);
    host.Start(
        "for (let i = 0; i < 1000; i++) await agent('step ' + i, {label: 'L' + i}); return 1");
    const auto start = Clock::now();
    cpu_us = 0;
    for (uint64_t i = 1; i <= 1000; ++i) cpu_us += host.SettleText(i, "done").turn.cpu_us();
    times.push_back(MsSince(start));
  }
  Print("1,000 turns in sequence", SpreadOf(times));
  printf("%-48s        %8.2f ms\n", "  of which the host's CPU in turns",
         static_cast<double>(cpu_us) / 1000);
}

void Pipelined(TestZygote* zygote) {
  constexpr uint64_t kCalls = 100000;
  TestHost host(zygote);
  pb::Start options;
  options.set_list_length_max(kCalls);
  double cpu = CpuMs(host.pid());
  auto start = Clock::now();
  host.Start(
      "const r = await parallel(Array.from({length: 100000}, (_, i) => () => agent('p' + i)));"
      "return r.length",
      options);
  printf("%-48s        %8.2f ms   host CPU %.0f ms\n", "parallel of 100,000: the first turn",
         MsSince(start), CpuMs(host.pid()) - cpu);
  std::vector<pb::ToHost> settles;
  for (uint64_t i = 1; i <= kCalls; ++i) {
    settles.push_back(host.NewSettle(i));
    settles.back().mutable_settle()->set_text("result text");
  }
  cpu = CpuMs(host.pid());
  start = Clock::now();
  std::thread writer([&] { host.SendAll(settles); });
  WholeTurn last;
  for (uint64_t i = 1; i <= kCalls; ++i) last = host.ReceiveTurn();
  writer.join();
  printf("%-48s        %8.2f ms   host CPU %.0f ms, result %s\n", "100,000 settlements sent ahead",
         MsSince(start), CpuMs(host.pid()) - cpu, last.result().c_str());
  printf("%-48s        %8.2f MiB\n", "private memory after it", PrivateMiB(host.pid()));
}

}  // namespace
}  // namespace odw::script

int main() {
  odw::script::TestZygote zygote;
  odw::script::Forks(&zygote);
  odw::script::Starts(&zygote);
  odw::script::Sequential(&zygote);
  odw::script::Pipelined(&zygote);
}
