// The odwctl binary against a fake daemon: what it sends, prints and exits with.
#include <gtest/gtest.h>

#include "client/testing/fake_control.h"
#include "client/testing/odwctl_run.h"
#include "daemon/base/fd.h"

namespace odw::client {
namespace {

constexpr char kRunId[] = "wf_1072dc96-6a2b4f01";

class Odwctl : public testing::Test {
 protected:
  void Serve(FakeRun run) {
    daemon_ = std::make_unique<FakeControl>(folder_.path() + "/odwd.sock", std::move(run));
  }
  OdwctlRun Run(std::vector<std::string> arguments, const std::string& stdin_text = "") {
    arguments.insert(arguments.begin(), {"--daemon", "unix:" + folder_.path() + "/odwd.sock"});
    return RunOdwctl(arguments, {.stdin_text = stdin_text});
  }
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_.path() + "/" + name;
    EXPECT_TRUE(WriteFileAtomically(path, text).ok());
    return path;
  }

  TempFolder folder_;
  std::unique_ptr<FakeControl> daemon_;
};

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(Odwctl, ExecPrintsTheResultIndentedAndProgressOnStderr) {
  Serve(PlainRun(v1::COMPLETED, 2));
  const OdwctlRun run = Run({"exec", "-", "--backend", "mock"}, "export const meta = {}");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "{\n  \"b\": 1,\n  \"a\": [\n    1.50,\n    \"x\"\n  ]\n}\n");
  EXPECT_TRUE(Has(run.err, "+ n1 label 1 (mock)")) << run.err;
  EXPECT_TRUE(Has(run.err, std::string(kRunId) + " completed, ok: 2 nodes")) << run.err;
  ASSERT_EQ(daemon_->submits().size(), 1u);
  const v1::SubmitRequest sent = daemon_->submits()[0];
  EXPECT_EQ(sent.script(), "export const meta = {}");
  EXPECT_EQ(sent.script_name(), "stdin.js");
  EXPECT_EQ(sent.options().forced_runtime(), "mock");
  EXPECT_FALSE(sent.has_args_json());
  EXPECT_FALSE(sent.options().cwd().empty());
}

TEST_F(Odwctl, ExecJsonPrintsTheValueAloneAndUnchanged) {
  Serve(PlainRun(v1::COMPLETED, 1));
  EXPECT_EQ(Run({"exec", "-", "--json", "-q"}).out, "{\"b\":1,\"a\":[1.50,\"x\"]}\n");
}

TEST_F(Odwctl, ExecPrintsAStringAsItsText) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  fake.value_json = "\"two\\nlines\"";
  Serve(fake);
  EXPECT_EQ(Run({"exec", "-"}).out, "two\nlines\n");
}

TEST_F(Odwctl, Spec_I2_ArgsAreJsonOrElseAPlainString) {
  Serve(PlainRun(v1::COMPLETED, 1));
  const std::string script = Write("flow.js", "x");
  const std::string args = Write("args.json", "{\"deep\":[1]}");
  Run({"exec", script, "--args", "{\"a\":1}"});
  Run({"exec", script, "--args", "plain \"words\""});
  Run({"exec", "--script", script, "--args-file", args});
  Run({"exec", script, "--args", ""});
  const auto sent = daemon_->submits();
  ASSERT_EQ(sent.size(), 4u);
  EXPECT_EQ(sent[0].args_json(), "{\"a\":1}");
  EXPECT_EQ(sent[1].args_json(), "\"plain \\\"words\\\"\"");
  EXPECT_EQ(sent[2].args_json(), "{\"deep\":[1]}");
  EXPECT_EQ(sent[3].args_json(), "\"\"");
  EXPECT_EQ(sent[0].script_name(), "flow.js");
}

TEST_F(Odwctl, OptionsTravelWithTheRun) {
  Serve(PlainRun(v1::COMPLETED, 1));
  Run({"submit", "-", "--concurrency", "3", "--budget", "5000", "--cwd", "/tmp", "--key", "k1",
       "--model", "m", "--dialect", "odw", "--agents-max", "9", "--list-max", "8"});
  ASSERT_EQ(daemon_->submits().size(), 1u);
  const v1::SubmitRequest sent = daemon_->submits()[0];
  EXPECT_EQ(sent.options().concurrency(), 3u);
  EXPECT_EQ(sent.options().budget_tokens(), 5000);
  EXPECT_EQ(sent.options().cwd(), "/tmp");
  EXPECT_EQ(sent.options().default_model(), "m");
  EXPECT_EQ(sent.options().agents_max(), 9u);
  EXPECT_EQ(sent.options().list_length_max(), 8u);
  EXPECT_EQ(sent.idempotency_key(), "k1");
  EXPECT_EQ(sent.dialect(), v1::ODW);
}

TEST_F(Odwctl, SubmitIsRepeatedUnderOneKeyWhenTheDaemonWentAway) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  fake.unavailable_submits = 1;
  Serve(fake);
  EXPECT_EQ(Run({"submit", "-"}).out, std::string(kRunId) + "\n");
  const auto sent = daemon_->submits();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_FALSE(sent[0].idempotency_key().empty());
  EXPECT_EQ(sent[0].idempotency_key(), sent[1].idempotency_key());
}

TEST_F(Odwctl, WatchGoesOnFromTheLastNumberAfterALostStream) {
  FakeRun fake = PlainRun(v1::COMPLETED, 3);
  fake.events_a_stream = 3;
  Serve(fake);
  const OdwctlRun run = Run({"watch", kRunId, "--json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  size_t lines = 0;
  for (const char c : run.out) lines += c == '\n';
  EXPECT_EQ(lines, fake.events.size()) << run.out;
  EXPECT_EQ(daemon_->watched_after(), (std::vector<uint64_t>{0, 9, 18}));
  EXPECT_TRUE(Has(run.err, "the connection was lost")) << run.err;
}

TEST_F(Odwctl, WatchStartsAfterTheNumberThatIsGiven) {
  Serve(PlainRun(v1::COMPLETED, 1));
  Run({"watch", kRunId, "--after", "6"});
  EXPECT_EQ(daemon_->watched_after(), std::vector<uint64_t>{6});
}

TEST_F(Odwctl, ASilentRunSaysWhatItWaitsFor) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  fake.run.add_waiting_for("blocked: no executor for codex");
  fake.silent_until_asked = true;
  Serve(fake);
  const OdwctlRun run = Run({"exec", "-"});
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_TRUE(Has(run.err, "waits: blocked: no executor for codex")) << run.err;
}

TEST_F(Odwctl, EachEndHasItsExitCode) {
  const std::pair<v1::RunState, int> ends[] = {
      {v1::COMPLETED, 0}, {v1::FAILED, 1}, {v1::KILLED, 7}, {v1::NEEDS_ATTENTION, 8}};
  for (const auto& [state, exit_code] : ends) {
    FakeRun fake = PlainRun(state, 1);
    fake.run.mutable_error()->set_message("because");
    Serve(fake);
    EXPECT_EQ(Run({"exec", "-"}).exit_code, exit_code);
    EXPECT_EQ(Run({"watch", kRunId}).exit_code, exit_code);
    EXPECT_EQ(Run({"result", kRunId, "--wait"}).exit_code, exit_code);
    daemon_.reset();
  }
}

TEST_F(Odwctl, FailOnAndStrictOkExitWithThreeAndStillPrintTheResult) {
  FakeRun fake = PlainRun(v1::COMPLETED, 10);
  fake.value_json = "{\"ok\":false}";
  fake.run.set_health(v1::DEGRADED);
  fake.run.mutable_nodes()->set_failed(2);
  Serve(fake);
  EXPECT_EQ(Run({"exec", "-"}).exit_code, 0);
  EXPECT_EQ(Run({"exec", "-", "--strict-ok"}).exit_code, 3);
  EXPECT_EQ(Run({"exec", "-", "--fail-on", "20%"}).exit_code, 0);
  EXPECT_EQ(Run({"exec", "-", "--fail-on", "19.5%"}).exit_code, 3);
  const OdwctlRun run = Run({"exec", "-", "--fail-on", "degraded", "--json"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_EQ(run.out, "{\"ok\":false}\n");
  EXPECT_TRUE(Has(run.err, "2 of 10 nodes failed")) << run.err;
  EXPECT_EQ(Run({"exec", "-", "--fail-on", "often"}).exit_code, 2);
}

TEST_F(Odwctl, RefusalsOfTheDaemonSayWhatAndWhatNext) {
  const std::tuple<absl::Status, int, const char*> refusals[] = {
      {absl::InvalidArgumentError("flow.js:3:9: unexpected token"), 2, "invalid_argument"},
      {absl::AlreadyExistsError("key k1 is used by wf_other"), 6, "already_exists"},
      {absl::ResourceExhaustedError("10,000 runs are open"), 6, "limit_reached"},
      {absl::UnavailableError("the journal stopped: No space left"), 4, "unavailable"}};
  for (const auto& [status, exit_code, code] : refusals) {
    FakeRun fake = PlainRun(v1::COMPLETED, 1);
    fake.submit_status = status;
    Serve(fake);
    const OdwctlRun run = Run({"exec", "-", "--json"});
    EXPECT_EQ(run.exit_code, exit_code);
    EXPECT_TRUE(Has(run.err, MessageOf(status))) << run.err;
    EXPECT_TRUE(Has(run.err, "next: ")) << run.err;
    EXPECT_TRUE(Has(run.out, std::string("{\"error\":{\"code\":\"") + code + "\"")) << run.out;
    daemon_.reset();
  }
}

TEST_F(Odwctl, AnUnknownRunExitsWithFive) {
  Serve(PlainRun(v1::COMPLETED, 1));
  for (const char* verb : {"status", "watch", "result"}) {
    EXPECT_EQ(Run({verb, "wf_unknown"}).exit_code, 5) << verb;
  }
}

TEST_F(Odwctl, AResultThatIsNotThereYetIsRefused) {
  Serve(PlainRun(v1::RUNNING, 1));
  EXPECT_EQ(Run({"result", kRunId}).exit_code, 6);
}

TEST_F(Odwctl, NoDaemonIsExitFourWithTheNextStep) {
  const OdwctlRun run = Run({"list"});
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_TRUE(Has(run.err, "next: ")) << run.err;
}

TEST_F(Odwctl, BadUsageIsExitTwoAndJsonWhereWanted) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"exec"},
                                                    {"exec", "/no/such/file.js"},
                                                    {"nonsense"},
                                                    {"status"},
                                                    {"list", "--limit", "0"},
                                                    {"exec", "-", "--cwd", "/no/such/folder"},
                                                    {"--daemon", "10.0.0.1:7000", "list"},
                                                    {"exec", "-", "--args-file", "-"}}) {
    std::vector<std::string> with_json = arguments;
    with_json.push_back("--json");
    const OdwctlRun run = RunOdwctl(with_json, {.env = {"ODW_DAEMON=unix:/nonexistent"}});
    EXPECT_EQ(run.exit_code, 2) << run.err;
    EXPECT_TRUE(Has(run.out, "{\"error\":{\"code\":\"usage\"")) << run.out;
    EXPECT_TRUE(Has(run.err, "next: ")) << run.err;
  }
}

TEST_F(Odwctl, StopNamesTheReasonAndCancelIsItsAlias) {
  Serve(PlainRun(v1::RUNNING, 1));
  const OdwctlRun run = Run({"cancel", kRunId, "--reason", "no longer needed"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(daemon_->stop_reason(), "no longer needed");
  EXPECT_TRUE(Has(run.out, "killed")) << run.out;
}

TEST_F(Odwctl, ReportIsWrittenWholeOrNotAtAll) {
  Serve(PlainRun(v1::COMPLETED, 1));
  const std::string path = folder_.path() + "/report.html";
  EXPECT_EQ(Run({"report", kRunId, "--out", path}).exit_code, 0);
  EXPECT_EQ(ReadFile(path, 1000).value_or(""), "<!doctype html>");
  EXPECT_EQ(Run({"report", kRunId, "--out", "-"}).out, "<!doctype html>");
  const OdwctlRun refused = Run({"report", kRunId, "--out", "/no/such/folder/r.html"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_TRUE(Has(refused.err, "next: ")) << refused.err;
  EXPECT_EQ(Run({"exec", "-", "--report", path}).exit_code, 0);
}

TEST_F(Odwctl, AFullDiskUnderTheResultIsAnError) {
  Serve(PlainRun(v1::COMPLETED, 1));
  const std::string command = std::string(ODWCTL_BINARY) + " --daemon " + daemon_->address() +
                              " result " + kRunId + " >/dev/full 2>&1";
  const int status = system(command.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST_F(Odwctl, StatusListDoctorAndVersionHaveTextAndJson) {
  Serve(PlainRun(v1::COMPLETED, 3));
  EXPECT_TRUE(Has(Run({"status", kRunId}).out, "state       completed, ok"));
  EXPECT_TRUE(
      Has(Run({"status", kRunId, "--json"}).out, "\"state\":\"completed\",\"health\":\"ok\""));
  EXPECT_TRUE(Has(Run({"list"}).out, "sample"));
  EXPECT_TRUE(Has(Run({"list", "--json", "--status", "completed,failed"}).out, "\"next_before\""));
  EXPECT_TRUE(Has(Run({"doctor"}).out, "executor mock"));
  EXPECT_TRUE(Has(Run({"doctor", "--json"}).out, "\"checks\":["));
  EXPECT_TRUE(Has(Run({"version", "--json"}).out, "\"odwd\":\"0.1.0\""));
}

TEST_F(Odwctl, CtrlCEndsOdwctlAndSaysHowTheRunGoesOn) {
  FakeRun fake = PlainRun(v1::RUNNING, 1);
  fake.never_ends = true;
  Serve(fake);
  const OdwctlRun run =
      RunOdwctl({"--daemon", daemon_->address(), "exec", "-"}, {.interrupt_at = "n1 label 1"});
  EXPECT_EQ(run.exit_code, 130);
  EXPECT_TRUE(Has(run.err, std::string("follow it: odwctl watch ") + kRunId)) << run.err;
  EXPECT_TRUE(Has(run.err, std::string("stop it: odwctl stop ") + kRunId)) << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(daemon_->stop_reason(), "");
}

TEST_F(Odwctl, DetachPrintsTheIdAtOnce) {
  Serve(PlainRun(v1::RUNNING, 1));
  EXPECT_EQ(Run({"exec", "-", "--detach"}).out, std::string(kRunId) + "\n");
}

}  // namespace
}  // namespace odw::client
