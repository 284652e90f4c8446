// `pandacode RUNTIME exec`, the real binary under its other name, without a daemon.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "executors/testing/executor_process.h"
#include "executors/testing/model_server.h"

namespace odw::executors {
namespace {

constexpr char kKey[] = "sk-test-51f0c0ffee-panda";

struct Ran {
  int status = -1;
  std::string out;
  std::string err;
};

class PandacodeTest : public testing::Test {
 protected:
  Ran Run(std::vector<std::string> args, const std::vector<std::string>& env = {}) {
    args.insert(args.begin(),
                std::filesystem::path(ODW_EXECUTOR_BINARY).replace_filename("pandacode").string());
    std::vector<std::string> all = {"ODW_STATE=" + folder_.folder() + "/state"};
    all.insert(all.end(), env.begin(), env.end());
    const std::string out = folder_.folder() + "/out", err = folder_.folder() + "/err";
    const UniqueFd out_fd(open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    const UniqueFd err_fd(open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    auto child =
        StartSubprocess({.argv = args, .env = all, .fds = {{out_fd.get(), 1}, {err_fd.get(), 2}}});
    EXPECT_TRUE(child.ok()) << child.status();
    Ran ran;
    ran.status = child->Wait().value_or(-1);
    ran.out = ReadFile(out, 1 << 20).value_or("");
    ran.err = ReadFile(err, 1 << 20).value_or("");
    return ran;
  }
  ExecutorProcess folder_;  // for its temporary folder alone
};

TEST_F(PandacodeTest, PrintsTheResultAndTellsByItsStatus) {
  const Ran text = Run({"mock", "exec", "--prompt", "hi"});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_EQ(text.out, "mock: hi\n");
  const Ran failed = Run({"mock", "exec", "[[fail:auth]]"});
  EXPECT_EQ(failed.status, 1);
  EXPECT_EQ(failed.out, "");
  EXPECT_NE(failed.err.find("AUTH"), std::string::npos) << failed.err;
}

TEST_F(PandacodeTest, ASchemaAndJsonOutput) {
  const std::string file = folder_.folder() + "/schema.json";
  ASSERT_TRUE(
      WriteFileAtomically(
          file, R"({"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]})")
          .ok());
  const Ran ran = Run(
      {"mock", "exec", R"([[json:{"n":"x"}]] [[then-json:{"n":2}]])", "--schema", file, "--json"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["result"]["n"], 2);
  EXPECT_EQ(json["repair_turns"], 1);
  const Ran failed = Run(
      {"mock", "exec", R"([[json:{"n":"x"}]])", "--schema", file, "--json", "--schema-tries", "2"});
  EXPECT_EQ(failed.status, 1);
  EXPECT_EQ(nlohmann::json::parse(failed.out)["error"]["category"], "SCHEMA") << failed.out;
}

TEST_F(PandacodeTest, BadUsageIsNamed) {
  EXPECT_EQ(Run({"nonsense", "exec", "x"}).status, 2);
  EXPECT_EQ(Run({"mock"}).status, 2);
  EXPECT_EQ(Run({"mock", "exec"}).status, 2);  // no prompt: stdin is empty
  EXPECT_EQ(Run({"mock", "exec", "x", "--schema", "/nonexistent"}).status, 2);
  EXPECT_EQ(Run({"mock", "exec", "x", "--permission", "all"}).status, 2);
  const Ran no_key = Run({"bamboo", "exec", "x"});
  EXPECT_EQ(no_key.status, 1);
  EXPECT_NE(no_key.err.find("ODW_BAMBOO_BASE_URL"), std::string::npos) << no_key.err;
}

TEST_F(PandacodeTest, BambooWorksInTheFolderItIsCalledIn) {
  ModelServer server;
  server.Start(folder_.folder(), kKey);
  const std::vector<std::string> env = {"DEEPSEEK_API_KEY=" + std::string(kKey),
                                        "DEEPSEEK_BASE_URL=" + server.url() + "/deepseek"};
  const std::string work = folder_.folder() + "/work";
  ASSERT_TRUE(MakeFolders(work).ok());
  const Ran ran = Run(
      {"bamboo", "exec", "[[write:x.txt:made]] [[run:cat x.txt]] [[result]]", "--cwd", work}, env);
  EXPECT_EQ(ran.out, "made\n") << ran.err;
}

}  // namespace
}  // namespace odw::executors
