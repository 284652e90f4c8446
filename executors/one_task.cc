#include "executors/one_task.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "daemon/base/subprocess.h"
#include "executors/flags.h"
#include "executors/make_runtime.h"
#include "executors/redact.h"

namespace odw::executors {
namespace {

constexpr char kScriptBinary[] = "/odw-script";

// Keeps the one result and stops the loop.
class OneResult : public TaskSink {
 public:
  explicit OneResult(EventLoop* loop) : loop_(loop) {}
  void Finished(odw::v1::Result result) override {
    result_ = std::move(result);
    loop_->Stop();
  }
  void Lost(odw::v1::Lost lost) override {
    result_.mutable_error()->set_category(odw::v1::HOST_LOST);
    result_.mutable_error()->set_message(lost.why());
    loop_->Stop();
  }
  void Progress(odw::v1::Progress) override {}
  odw::v1::Result& result() { return result_; }

 private:
  EventLoop* const loop_;
  odw::v1::Result result_;
};

// A token of its own for each task of this process.
std::string NewToken() {
  static int count = 0;
  return "p" + std::to_string(getpid()) + "-" + std::to_string(time(nullptr)) + "-" +
         std::to_string(count++);
}

UniqueFd CatchSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGINT, SIGTERM}) sigaddset(&set, number);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace

absl::StatusOr<OneTaskEnd> RunOneTask(OneTask wanted) {
  const std::string folder = DefaultStateRoot() + "/pandacode/" + wanted.runtime;
  // A session that the next command line goes on with needs a home that stays.
  wanted.config.claude.home_per_node = wanted.config.codex.home_per_node = false;
  ODW_RETURN_IF_ERROR(MakeFolders(folder + "/tasks"));
  ZygoteHandle zygote;
  if (NeedsZygote(wanted.runtime)) {
    ODW_ASSIGN_OR_RETURN(zygote, ForkZygote());
  }
  const UniqueFd signals = CatchSignals();

  EventLoop loop;
  Validator validator(&loop, OwnBinaryFolder() + kScriptBinary);
  ODW_ASSIGN_OR_RETURN(
      const std::unique_ptr<Runtime> runtime,
      MakeRuntime(wanted.runtime, wanted.config, folder, &loop, &validator, std::move(zygote)));
  OneResult sink(&loop);
  runtime->Bind(&sink);
  const std::string token = NewToken();
  bool interrupted = false;
  loop.Watch(signals.get(), EPOLLIN, [&](uint32_t) {
    signalfd_siginfo info;
    if (read(signals.get(), &info, sizeof info) != sizeof info) return;
    if (interrupted) loop.Stop();
    interrupted = true;
    runtime->Cancel(token, "interrupted");
  });
  Task task{.token = token,
            .run_id = "pandacode",
            .node = 1,
            .attempt = 1,
            .request = std::move(wanted.request),
            .resume_session = wanted.session,
            .resume_token = ""};
  loop.After(absl::ZeroDuration(), [&] { runtime->Start(std::move(task)); });
  loop.Run();
  loop.Unwatch(signals.get());
  runtime->Stored(token);
  Redactor::OfEnvironment().Redact(&sink.result());
  return OneTaskEnd{.result = std::move(sink.result()), .interrupted = interrupted};
}

}  // namespace odw::executors
