// The odwctl binary starting a stand-in odwd that lies beside it.
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <thread>

#include "client/testing/odwctl_run.h"
#include "daemon/base/fd.h"

namespace odw::client {
namespace {

namespace fs = std::filesystem;

class PrivateDaemon : public testing::Test {
 protected:
  PrivateDaemon() : state_(folder_.path() + "/state") {
    fs::copy_file(ODWCTL_BINARY, folder_.path() + "/odwctl");
    fs::copy_file(FAKE_ODWD_BINARY, folder_.path() + "/odwd");
  }
  ~PrivateDaemon() override {
    for (const int pid : Starts()) kill(pid, SIGKILL);
  }
  OdwctlRun Run(std::vector<std::string> arguments, std::vector<std::string> env = {}) {
    arguments.insert(arguments.begin(), {"--state", state_});
    return RunOdwctl(arguments, {.binary = folder_.path() + "/odwctl", .env = std::move(env)});
  }
  // The process numbers of the daemons that were started.
  std::vector<int> Starts() {
    std::istringstream text(ReadFile(state_ + "/daemon/starts", 100000).value_or(""));
    std::vector<int> pids;
    for (int pid; text >> pid;) pids.push_back(pid);
    return pids;
  }

  TempFolder folder_;
  const std::string state_;
};

TEST_F(PrivateDaemon, IsStartedOnceByManyAtOnceAndThenUsed) {
  constexpr int kClients = 8;
  std::vector<OdwctlRun> runs(kClients);
  std::vector<std::thread> threads;
  for (OdwctlRun& run : runs) threads.emplace_back([&] { run = Run({"list"}); });
  for (std::thread& thread : threads) thread.join();
  for (const OdwctlRun& run : runs) EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(Starts().size(), 1u);
  EXPECT_EQ(Run({"list"}).exit_code, 0);
  EXPECT_EQ(Starts().size(), 1u);
  EXPECT_EQ(fs::status(state_).permissions() & fs::perms::all, fs::perms::owner_all);
}

TEST_F(PrivateDaemon, IsStartedAgainAfterItWasKilled) {
  ASSERT_EQ(Run({"list"}).exit_code, 0);
  ASSERT_EQ(Starts().size(), 1u);
  kill(Starts()[0], SIGKILL);
  const OdwctlRun run = Run({"list"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(Starts().size(), 2u);
}

TEST_F(PrivateDaemon, OfAnotherVersionIsANamedError) {
  const OdwctlRun run = Run({"list", "--json"}, {"FAKE_ODWD_VERSION=9.9.9"});
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_NE(run.out.find("version_mismatch"), std::string::npos) << run.out;
  EXPECT_NE(run.err.find("odwd 9.9.9"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("next: End it with `kill "), std::string::npos) << run.err;
  EXPECT_NE(Run({"version"}).out.find("odwd 9.9.9"), std::string::npos);
}

TEST_F(PrivateDaemon, ThatEndsAtStartShowsItsLastWords) {
  const OdwctlRun run = Run({"list"}, {"FAKE_ODWD_DIES=1"});
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_NE(run.err.find("the journal is of a newer version"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("next: Its log: "), std::string::npos) << run.err;
}

TEST_F(PrivateDaemon, ThatIsNotInstalledIsANamedError) {
  fs::remove(folder_.path() + "/odwd");
  const OdwctlRun run = Run({"list"});
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_NE(run.err.find("next: See what is missing: odwctl doctor"), std::string::npos) << run.err;
  EXPECT_EQ(Run({"doctor"}).exit_code, 1);
}

TEST_F(PrivateDaemon, IsNotStartedByDoctorOrVersion) {
  Run({"doctor"});
  Run({"version"});
  EXPECT_TRUE(Starts().empty());
  EXPECT_FALSE(fs::exists(state_));
}

TEST_F(PrivateDaemon, IsToldWhichExecutorsToStart) {
  const std::string config = folder_.path() + "/commands.toml";
  ASSERT_TRUE(WriteFileAtomically(config, "[commands.wc]\nprogram = \"/usr/bin/wc\"\n").ok());
  const OdwctlRun run = Run({"submit", "-", "--backend", "mock", "--executor-config", config});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const std::string toml = ReadFile(state_ + "/daemon.toml", 100000).value_or("");
  EXPECT_NE(toml.find("runtime = \"mock\"\nname = \"mock\"\nslots = 16\n"), std::string::npos)
      << toml;
  EXPECT_NE(toml.find("runtime = \"command\"\nname = \"command-"), std::string::npos) << toml;
  EXPECT_NE(toml.find("config = \"" + config + "\""), std::string::npos) << toml;
}

TEST_F(PrivateDaemon, AnswersWithTheMockAndSaysSoWhereNobodyChose) {
  const OdwctlRun run = Run({"submit", "-"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(run.err.find("no runtime was named"), std::string::npos) << run.err;
  EXPECT_NE(ReadFile(state_ + "/daemon.toml", 100000).value_or("").find("runtime = \"mock\""),
            std::string::npos);
  EXPECT_EQ(Run({"submit", "-", "--runtime", "mock"}).err.find("no runtime"), std::string::npos);
  EXPECT_EQ(Run({"submit", "-"}, {"ODW_RUNTIME=mock"}).err.find("no runtime"), std::string::npos);
}

TEST_F(PrivateDaemon, AskedForAPlanUsesADaemonOfItsOwn) {
  EXPECT_EQ(Run({"plan", "-"}).exit_code, 0);
  EXPECT_TRUE(Starts().empty());
  EXPECT_TRUE(fs::exists(state_ + "/plan/daemon/starts"));
  std::istringstream pids(ReadFile(state_ + "/plan/daemon/starts", 1000).value_or(""));
  for (int pid; pids >> pid;) kill(pid, SIGKILL);
}

TEST_F(PrivateDaemon, RefusesAConfigThatIsNoToml) {
  const std::string config = folder_.path() + "/bad.toml";
  ASSERT_TRUE(WriteFileAtomically(config, "[commands.wc\n").ok());
  const OdwctlRun run = Run({"submit", "-", "--executor-config", config});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_NE(run.err.find("bad.toml:1:"), std::string::npos) << run.err;
  EXPECT_TRUE(Starts().empty());
}

TEST_F(PrivateDaemon, TooLongAStateFolderIsANamedError) {
  const OdwctlRun run =
      RunOdwctl({"--state", "/tmp/" + std::string(120, 'x'), "list"}, {.binary = ODWCTL_BINARY});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_NE(run.err.find("--state DIR"), std::string::npos) << run.err;
}

}  // namespace
}  // namespace odw::client
