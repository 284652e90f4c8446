// Wrong input of every kind: each error says what, why and what to do next, and starts nothing.
#include <filesystem>

#include "client/testing/served_odwctl.h"

namespace odw::client {
namespace {

namespace fs = std::filesystem;
using WrongInput = ServedOdwctl;

TEST_F(WrongInput, AVerbThatThereIsNotIsNamedWithTheNearestOne) {
  const OdwctlRun slip = RunOdwctl({"resmue", kRunId});
  EXPECT_EQ(slip.exit_code, 2);
  EXPECT_TRUE(Has(slip.err, "there is no verb 'resmue'")) << slip.err;
  EXPECT_TRUE(Has(slip.err, "Did you mean odwctl resume?")) << slip.err;
  EXPECT_TRUE(Has(RunOdwctl({"entirely-else"}).err, "See odwctl --help"));
  EXPECT_TRUE(Has(RunOdwctl({"workflows", "sav"}).err, "odwctl workflows --help"));
}

TEST_F(WrongInput, WrongValuesAreNamedWithWhatIsWanted) {
  const std::string script = Write("flow.js", "x");
  const std::string state = folder_.path() + "/state";
  const struct {
    std::vector<std::string> arguments;
    const char* what;
    const char* next;
  } cases[] = {
      {{"exec", script, "--runtime", "cluade"}, "there is no runtime 'cluade'", "Did you mean claude?"},
      {{"exec", script, "--backend", "x"}, "there is no runtime 'x'", "claude, codex, bamboo"},
      {{"exec", script, "--concurrency", "0"}, "'0' is no number above 0", "exec --help"},
      {{"exec", script, "--budget", "many"}, "'many' is no number above 0", "exec --help"},
      {{"exec", script, "--cwd", script}, "is a file", "Give a folder"},
      {{"exec", Write("big.js", std::string(5 << 20, ' '))}, "the script is too long", "524,288"},
      {{"workflows"}, "no verb was given; there are: list, show, save, remove", "workflows --help"},
      {{}, "no verb was given; there are: exec, submit", "odwctl --help"},
  };
  for (const auto& wrong : cases) {
    std::vector<std::string> arguments = {"--state", state};
    arguments.insert(arguments.end(), wrong.arguments.begin(), wrong.arguments.end());
    const OdwctlRun run = RunOdwctl(arguments);
    EXPECT_EQ(run.exit_code, 2) << wrong.what << run.err;
    EXPECT_TRUE(Has(run.err, wrong.what)) << run.err;
    EXPECT_TRUE(Has(run.err, wrong.next)) << run.err;
    EXPECT_LT(run.err.size(), 600u) << run.err;
  }
  EXPECT_FALSE(fs::exists(state));  // nothing was started for them
}

TEST_F(WrongInput, ATokenFileThatHoldsNoneIsRefusedAndNotShown) {
  const std::string text = Write("flow.js", "line one\nline two");
  for (const std::string& file : {text, Write("empty", ""), Write("binary", "a\x01z")}) {
    const OdwctlRun run = RunOdwctl({"--daemon", "127.0.0.1:9", "--token-file", file, "list"});
    EXPECT_EQ(run.exit_code, 2) << file;
    EXPECT_TRUE(Has(run.err, "holds no token")) << run.err;
    EXPECT_FALSE(Has(run.err, "line two")) << run.err;
  }
}

TEST_F(WrongInput, TheNextStepNamesTheRunThatTheErrorNames) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  fake.control_status =
      absl::FailedPreconditionError(std::string("run ") + kRunId + " has ended already");
  Serve(fake);
  EXPECT_TRUE(Has(Run({"unpause", kRunId}).err, std::string("next: See the run's state: odwctl status ") +
                                                    kRunId + "\n"));
}

TEST_F(WrongInput, ADaemonThatIsNotThereIsNamedWithItsAddress) {
  const OdwctlRun run = RunOdwctl({"--daemon", "unix:/nonexistent/odwd.sock", "list"});
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_TRUE(Has(run.err, "no daemon answers at unix:/nonexistent/odwd.sock: failed to connect: No such "
                           "file or directory\n"))
      << run.err;
}

TEST_F(WrongInput, ANodeThatIsNotThereLeadsToTheNodesAndAWordThatIsNoRunToTheRuns) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  fake.control_status = absl::NotFoundError("run x has no agent call n9");
  Serve(fake);
  for (const char* verb : {"explain", "skip", "restart"}) {
    const OdwctlRun run = Run({verb, kRunId, "n9"});
    EXPECT_EQ(run.exit_code, 5) << verb;
    EXPECT_TRUE(Has(run.err, std::string("See its nodes: odwctl status ") + kRunId)) << run.err;
  }
  fake.control_status = absl::InvalidArgumentError("'x' is not a run id (wf_...)");
  Serve(fake);
  EXPECT_TRUE(Has(Run({"pause", "x"}).err, "next: List the runs there are: odwctl list"));
}

TEST_F(WrongInput, ArgsThatBeginLikeJsonAndAreNoneAreToldAndTaken) {
  Serve(PlainRun(v1::COMPLETED, 1));
  const OdwctlRun run = Run({"submit", "-", "--args", "{\"a\": 1"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_TRUE(Has(run.err, "--args begins like JSON and is none")) << run.err;
  EXPECT_EQ(daemon_->submits().back().args_json(), "\"{\\\"a\\\": 1\"");
  EXPECT_FALSE(Has(Run({"submit", "-", "--args", "plain"}).err, "begins like"));
}

TEST_F(WrongInput, AWorkflowThatNobodySavedLeadsToThoseThatAre) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  fake.submit_status = absl::NotFoundError("no workflow with that name");
  Serve(fake);
  const OdwctlRun run = Run({"exec", "rewiev"});
  EXPECT_EQ(run.exit_code, 5);
  EXPECT_TRUE(Has(run.err, "odwctl workflows list")) << run.err;
}

}  // namespace
}  // namespace odw::client
