// Load for the benchmark rows: submits many runs from one process and waits for their results, so that
// neither client start-up nor polling is measured.
//   bench_load --daemon ADDR --script FILE [--args JSON] [--runs N] [--in-turn] [--concurrency N] ...
// All runs at once (or, with --in-turn, one after another); prints one JSON object: wall time from the
// first submit to the last result, the percentiles of single runs, the failures.
#include <CLI/CLI.hpp>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "odw/v1/control.grpc.pb.h"
#include "tests/bench/floor/timing.h"

namespace odw::bench {
namespace {

constexpr int kMessageBytesMax = 80 << 20;

struct Flags {
  std::string daemon;
  std::string script;
  std::string args;
  std::string cwd;
  std::string runtime;
  unsigned runs = 1;
  unsigned concurrency = 0;
  unsigned agents_max = 0;
  unsigned list_length_max = 0;
  bool in_turn = false;
  bool info = false;
};

// One run, from Submit to its result, on gRPC's threads.
class RunCall {
 public:
  RunCall(v1::Control::Stub* stub, const v1::SubmitRequest& request, std::function<void()> done)
      : stub_(stub), request_(request), done_(std::move(done)) {}

  void Start() {
    watch_ = Stopwatch();
    stub_->async()->Submit(&submit_context_, &request_, &submitted_, [this](grpc::Status status) {
      if (!status.ok()) return Finish("submit: " + status.error_message());
      wait_request_.set_run_id(submitted_.run_id());
      wait_request_.set_wait(true);
      stub_->async()->GetResult(&wait_context_, &wait_request_, &result_, [this](grpc::Status s) {
        if (!s.ok()) return Finish("result: " + s.error_message());
        const v1::Run& run = result_.run();
        Finish(run.state() == v1::COMPLETED ? "" : "run ended as " + v1::RunState_Name(run.state()) +
                                                       ": " + run.error().message());
      });
    });
  }

  double ms() const { return ms_; }
  const std::string& failure() const { return failure_; }
  const std::string& value() const { return result_.value_json(); }
  const v1::Run& run() const { return result_.run(); }

 private:
  void Finish(std::string failure) {
    ms_ = watch_.Ms();
    failure_ = std::move(failure);
    done_();
  }

  v1::Control::Stub* const stub_;
  const v1::SubmitRequest request_;
  const std::function<void()> done_;
  Stopwatch watch_;
  double ms_ = 0;
  std::string failure_;
  grpc::ClientContext submit_context_, wait_context_;
  v1::SubmitResponse submitted_;
  v1::GetResultRequest wait_request_;
  v1::GetResultResponse result_;
};

// Counts down; waits for zero.
class Latch {
 public:
  explicit Latch(unsigned count) : left_(count) {}
  void CountDown() {
    const std::lock_guard lock(mutex_);
    if (--left_ == 0) zero_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    zero_.wait(lock, [&] { return left_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable zero_;
  unsigned left_;
};

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

v1::SubmitRequest MakeRequest(const Flags& flags) {
  v1::SubmitRequest request;
  request.set_script(ReadAll(flags.script));
  request.set_script_name(flags.script);
  if (!flags.args.empty()) request.set_args_json(flags.args);
  v1::RunOptions* const options = request.mutable_options();
  options->set_concurrency(flags.concurrency);
  options->set_agents_max(flags.agents_max);
  options->set_list_length_max(flags.list_length_max);
  options->set_default_runtime(flags.runtime);
  options->set_cwd(flags.cwd);
  return request;
}

int Info(v1::Control::Stub* stub) {
  grpc::ClientContext context;
  v1::Info info;
  const grpc::Status status = stub->GetInfo(&context, {}, &info);
  if (!status.ok()) {
    std::cerr << "bench_load: " << status.error_message() << "\n";
    return 1;
  }
  nlohmann::json out = {{"pid", info.pid()},
                        {"open_runs", info.open_runs()},
                        {"script_hosts", info.script_hosts()},
                        {"script_hosts_max", info.script_hosts_max()},
                        {"host_parks", info.host_parks()},
                        {"executors", nlohmann::json::array()}};
  for (const v1::Executor& executor : info.executors()) {
    out["executors"].push_back({{"runtime", executor.runtime()},
                                {"slots", executor.slots()},
                                {"busy", executor.busy()},
                                {"connected", executor.connected()}});
  }
  std::cout << out.dump() << "\n";
  return 0;
}

int Load(v1::Control::Stub* stub, const Flags& flags) {
  const v1::SubmitRequest request = MakeRequest(flags);
  std::vector<std::unique_ptr<RunCall>> calls;
  Latch all(flags.runs);
  const Stopwatch watch;
  for (unsigned i = 0; i < flags.runs; ++i) {
    Latch one(1);
    calls.push_back(std::make_unique<RunCall>(stub, request, [&] {
      all.CountDown();
      if (flags.in_turn) one.CountDown();
    }));
    calls.back()->Start();
    if (flags.in_turn) one.Wait();
  }
  all.Wait();
  const double ms = watch.Ms();

  std::vector<double> times;
  unsigned failed = 0;
  std::string first_failure;
  for (const auto& call : calls) {
    times.push_back(call->ms());
    if (call->failure().empty()) continue;
    if (failed++ == 0) first_failure = call->failure();
  }
  const nlohmann::json value =
      nlohmann::json::parse(calls.back()->value(), nullptr, /*allow_exceptions=*/false);
  const nlohmann::json out = {{"runs", flags.runs},
                              {"ms", ms},
                              {"p50_ms", Percentile(times, 0.5)},
                              {"p99_ms", Percentile(times, 0.99)},
                              {"failed", failed},
                              {"first_failure", first_failure},
                              {"run_id", calls.back()->run().run_id()},
                              {"nodes", calls.back()->run().nodes().total()},
                              {"value", value.is_discarded() ? nlohmann::json() : value}};
  std::cout << out.dump() << "\n";
  return failed == 0 ? 0 : 1;
}

int Run(const Flags& flags) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  const auto stub = v1::Control::NewStub(
      grpc::CreateCustomChannel(flags.daemon, grpc::InsecureChannelCredentials(), arguments));
  return flags.info ? Info(stub.get()) : Load(stub.get(), flags);
}

}  // namespace
}  // namespace odw::bench

int main(int argc, char** argv) {
  odw::bench::Flags flags;
  CLI::App app("Load for the benchmark rows.");
  app.add_option("--daemon", flags.daemon)->required();
  app.add_option("--script", flags.script);
  app.add_option("--args", flags.args);
  app.add_option("--cwd", flags.cwd);
  app.add_option("--runtime", flags.runtime);
  app.add_option("--runs", flags.runs)->check(CLI::Range(1, 100000));
  app.add_option("--concurrency", flags.concurrency);
  app.add_option("--agents-max", flags.agents_max);
  app.add_option("--list-length-max", flags.list_length_max);
  app.add_flag("--in-turn", flags.in_turn);
  app.add_flag("--info", flags.info);
  CLI11_PARSE(app, argc, argv);
  return odw::bench::Run(flags);
}
