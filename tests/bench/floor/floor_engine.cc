// The floor of the daemon's own path, with nothing of the daemon in it: tasks to one worker process
// over a gRPC bidi stream, results back, and one synced RocksDB write for whatever results have
// gathered, before the next tasks leave. No script, no scheduler, no records.
//   floor_engine serve ADDRESS DB SCENARIO...    SCENARIO: seq:N fan:N runs:RxN latency:R
//   floor_engine work ADDRESS
// Prints one JSON object a scenario.
#include <grpcpp/grpcpp.h>
#include <rocksdb/db.h>
#include <rocksdb/options.h>
#include <rocksdb/write_batch.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "floor.grpc.pb.h"
#include "tests/bench/floor/timing.h"

namespace odw::bench {
namespace {

constexpr size_t kTaskBytes = 100;
constexpr size_t kResultBytes = 200;

[[noreturn]] void Die(const std::string& what) {
  fprintf(stderr, "floor_engine: %s\n", what.c_str());
  _exit(1);
}

struct StepId {
  uint32_t run = 0;
  uint32_t step = 0;

  std::string Key(char kind) const {
    char key[32];
    snprintf(key, sizeof key, "%c/%08u/%08u", kind, run, step);
    return key;
  }
};

struct Result {
  StepId id;
  std::string body;
};

// The worker's stream and the results that came over it.
class WorkerLink final : public Floor::Service {
 public:
  grpc::Status Work(grpc::ServerContext*, grpc::ServerReaderWriter<Packet, Packet>* stream) override {
    {
      const std::lock_guard lock(mutex_);
      stream_ = stream;
      wake_.notify_all();
    }
    Packet packet;
    while (stream->Read(&packet)) {
      Result result;
      memcpy(&result.id, packet.data().data(), sizeof result.id);
      result.body = packet.data().substr(sizeof result.id);
      const std::lock_guard lock(mutex_);
      results_.push_back(std::move(result));
      wake_.notify_one();
    }
    return grpc::Status::OK;
  }

  void WaitForWorker() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return stream_ != nullptr; });
  }

  void Assign(StepId id) {
    Packet task;
    std::string data(sizeof id + kTaskBytes, 'p');
    memcpy(data.data(), &id, sizeof id);
    task.set_data(std::move(data));
    if (!stream_->Write(task)) Die("the worker is gone");
  }

  std::deque<Result> TakeResults() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [&] { return !results_.empty(); });
    return std::exchange(results_, {});
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Result> results_;
  grpc::ServerReaderWriter<Packet, Packet>* stream_ = nullptr;
};

class Engine {
 public:
  Engine(WorkerLink* link, rocksdb::DB* db) : link_(link), db_(db) { write_options_.sync = true; }

  // `runs` concurrent runs of `steps` steps in sequence. Milliseconds.
  double Go(uint32_t runs, uint32_t steps) {
    const Stopwatch watch;
    rocksdb::WriteBatch scheduled;
    for (uint32_t i = 0; i < runs; ++i) scheduled.Put(StepId{next_run_ + i, 0}.Key('s'), "scheduled");
    Commit(&scheduled);
    for (uint32_t i = 0; i < runs; ++i) link_->Assign({next_run_ + i, 0});
    next_run_ += runs;
    for (uint32_t ended = 0; ended < runs;) ended += Step(steps);
    return watch.Ms();
  }

  uint64_t syncs() const { return syncs_; }

 private:
  // One turn: all results that have come, one synced write, the tasks that follow. Runs that ended.
  uint32_t Step(uint32_t steps) {
    const std::deque<Result> results = link_->TakeResults();
    rocksdb::WriteBatch batch;
    for (const Result& result : results) {
      batch.Put(result.id.Key('r'), result.body);
      if (result.id.step + 1 < steps) {
        batch.Put(StepId{result.id.run, result.id.step + 1}.Key('s'), "scheduled");
      }
    }
    Commit(&batch);
    uint32_t ended = 0;
    for (const Result& result : results) {
      if (result.id.step + 1 < steps) {
        link_->Assign({result.id.run, result.id.step + 1});
      } else {
        ++ended;
      }
    }
    return ended;
  }

  void Commit(rocksdb::WriteBatch* batch) {
    const rocksdb::Status status = db_->Write(write_options_, batch);
    if (!status.ok()) Die(status.ToString());
    ++syncs_;
  }

  WorkerLink* const link_;
  rocksdb::DB* const db_;
  rocksdb::WriteOptions write_options_;
  uint32_t next_run_ = 0;
  uint64_t syncs_ = 0;
};

void RunScenario(Engine* engine, const std::string& scenario) {
  char kind[16] = {};
  unsigned first = 0;
  unsigned second = 1;
  if (sscanf(scenario.c_str(), "%15[a-z]:%ux%u", kind, &first, &second) < 2) {
    Die("no such scenario: " + scenario);
  }
  const std::string_view what = kind;
  const uint64_t syncs = engine->syncs();
  const double cpu = CpuSeconds();
  double ms = 0;
  std::string extra;
  if (what == "latency") {
    std::vector<double> times;
    for (unsigned i = 0; i < first; ++i) times.push_back(engine->Go(1, 1));
    for (const double t : times) ms += t;
    extra = ",\"p50_ms\":" + std::to_string(Percentile(times, 0.5)) +
            ",\"p99_ms\":" + std::to_string(Percentile(times, 0.99));
  } else {
    ms = what == "seq" ? engine->Go(1, first) : engine->Go(first, what == "fan" ? 1 : second);
  }
  printf("{\"scenario\":\"%s\",\"ms\":%.2f,\"syncs\":%lu,\"cpu_ms\":%.1f%s}\n", scenario.c_str(), ms,
         static_cast<unsigned long>(engine->syncs() - syncs), (CpuSeconds() - cpu) * 1000,
         extra.c_str());
  fflush(stdout);
}

void Serve(const std::string& address, const std::string& path, char** scenarios, int count) {
  WorkerLink link;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials());
  builder.RegisterService(&link);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) Die("cannot listen on " + address);
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DestroyDB(path, options);
  rocksdb::DB* db = nullptr;
  const rocksdb::Status opened = rocksdb::DB::Open(options, path, &db);
  if (!opened.ok()) Die(opened.ToString());
  puts("ready");
  fflush(stdout);
  link.WaitForWorker();
  Engine engine(&link, db);
  engine.Go(50, 10);  // warm
  for (int i = 0; i < count; ++i) RunScenario(&engine, scenarios[i]);
  _exit(0);  // the worker's stream is still open, and tells it
}

void Work(const std::string& address) {
  const auto stub =
      Floor::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  const auto stream = stub->Work(&context);
  const std::string body(kResultBytes, 'r');
  Packet task;
  while (stream->Read(&task)) {
    Packet result;
    result.set_data(task.data().substr(0, sizeof(StepId)) + body);
    if (!stream->Write(result)) break;
  }
}

}  // namespace
}  // namespace odw::bench

int main(int argc, char** argv) {
  const std::string_view role = argc > 2 ? argv[1] : "";
  if (role == "serve" && argc > 4) odw::bench::Serve(argv[2], argv[3], argv + 4, argc - 4);
  if (role == "work") return odw::bench::Work(argv[2]), 0;
  fprintf(stderr, "usage: floor_engine serve ADDRESS DB SCENARIO... | work ADDRESS\n");
  return 2;
}
