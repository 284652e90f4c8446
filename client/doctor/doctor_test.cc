// `odwctl doctor` on what executors answer: the real binary beside a stand-in odw-executor.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "client/testing/odwctl_run.h"
#include "daemon/base/fd.h"

namespace odw::client {
namespace {

namespace fs = std::filesystem;

constexpr char kNoClaude[] =
    R"({"runtime":"claude","set_up":false,"ok":true,"problem":"no 'claude' on PATH","next_step":"Install claude."})";
constexpr char kGoodCodex[] =
    R"({"runtime":"codex","set_up":true,"ok":true,"problem":"","next_step":"","version":"0.169.0",)"
    R"("program":"/opt/codex","key_present":true,"key_variable":"OPENAI_API_KEY",)"
    R"("base_url":"https://api.example/v1","reachable":true,"http_status":404,)"
    R"("probe":{"ok":true,"usage":{"input_tokens":12,"output_tokens":3}}})";
constexpr char kOldCodex[] =
    R"({"runtime":"codex","set_up":true,"ok":false,"problem":"older than 0.100.0","next_step":"Install codex.","version":"0.9.0"})";
constexpr char kKimi[] =
    R"({"runtime":"bamboo","provider":"kimi","set_up":true,"ok":true,"problem":"","next_step":"","model":"kimi-k2.6"})";

class Doctor : public testing::Test {
 protected:
  Doctor() {
    fs::copy_file(ODWCTL_BINARY, Path("odwctl"));
    for (const char* name : {"odwd", "odw-script"}) Program(name, "exit 9\n");
  }
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  void Program(const std::string& name, const std::string& script) {
    ASSERT_TRUE(WriteFileAtomically(Path(name), "#!/bin/sh\n" + script).ok());
    fs::permissions(Path(name), fs::perms::owner_all);
  }
  // The executor that answers with these checks, for claude, codex and bamboo; it also notes how it
  // was called.
  void Answer(const std::string& claude, const std::string& codex, const std::string& bamboo) {
    const auto answer = [](const std::string& runtime, const std::string& checks) {
      return "*--runtime\\ " + runtime + "*) echo '" + checks + "';;\n";
    };
    const auto whole = [](const std::string& checks) {
      std::string text = "{\"checks\":[" + checks + "]}";
      for (size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 4) {
        text.replace(at, 1, "'\\''");
      }
      return text;
    };
    Program("odw-executor", "echo \"$*\" >> " + Path("calls") + "\ncase \"$*\" in\n" +
                                answer("claude", whole(claude)) + answer("codex", whole(codex)) +
                                answer("bamboo", whole(bamboo)) + "esac\n");
  }
  OdwctlRun Run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--state", Path("state"), "doctor"});
    return RunOdwctl(arguments, {.binary = Path("odwctl")});
  }
  std::string Calls() const { return ReadFile(Path("calls"), 100000).value_or(""); }

  TempFolder folder_;
};

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(Doctor, ShowsALineForEachRuntimeAndProvider) {
  Answer(kNoClaude, kGoodCodex, kKimi);
  const OdwctlRun run = Run({});
  EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
  EXPECT_TRUE(Has(run.out, "note  claude                        not set up: no 'claude' on PATH"))
      << run.out;
  EXPECT_TRUE(Has(run.out, "next: Install claude.")) << run.out;
  EXPECT_TRUE(Has(run.out,
                  "ok    codex                         0.169.0, /opt/codex, OPENAI_API_KEY is set, "
                  "https://api.example/v1 answers (HTTP 404), probe ok (12 tokens in, 3 out)"))
      << run.out;
  EXPECT_TRUE(Has(run.out, "ok    bamboo kimi                   kimi-k2.6")) << run.out;
}

TEST_F(Doctor, FailsForARuntimeThatIsSetUpAndBroken) {
  Answer(kNoClaude, kOldCodex, kKimi);
  const OdwctlRun run = Run({});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_TRUE(Has(run.out, "BAD   codex                         older than 0.100.0, 0.9.0"))
      << run.out;
  EXPECT_TRUE(Has(run.err, "codex: older than 0.100.0")) << run.err;
}

TEST_F(Doctor, JsonHoldsTheChecksAndWhatTheExecutorsFound) {
  Answer(kNoClaude, kOldCodex, kKimi);
  const OdwctlRun run = Run({"--json"});
  const nlohmann::json found = nlohmann::json::parse(run.out, nullptr, false);
  ASSERT_TRUE(found.is_object()) << run.out;
  EXPECT_EQ(found["ok"], false);
  ASSERT_EQ(found["runtimes"].size(), 3u) << run.out;
  EXPECT_EQ(found["runtimes"][1]["version"], "0.9.0");
  EXPECT_EQ(found["runtimes"][2]["provider"], "kimi");
  EXPECT_EQ(found["checks"].back()["name"], "bamboo kimi");
}

TEST_F(Doctor, ProbesOnlyWhenAsked) {
  Answer(kNoClaude, kGoodCodex, kKimi);
  Run({});
  EXPECT_FALSE(Has(Calls(), "--probe")) << Calls();
  Run({"--probe"});
  EXPECT_TRUE(Has(Calls(), "--doctor --runtime codex --probe")) << Calls();
}

TEST_F(Doctor, HandsTheStateFoldersSettingsOn) {
  Answer(kNoClaude, kGoodCodex, kKimi);
  fs::create_directory(Path("state"));
  fs::permissions(Path("state"), fs::perms::owner_all);
  ASSERT_TRUE(WriteFileAtomically(Path("state/executor.toml"), "").ok());
  Run({});
  EXPECT_TRUE(Has(Calls(), "--config " + Path("state/executor.toml"))) << Calls();
}

TEST_F(Doctor, TellsWhyAnExecutorGaveNoAnswer) {
  Program("odw-executor", "echo 'executor.toml:3: unknown key' >&2\nexit 1\n");
  const OdwctlRun run = Run({});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_TRUE(Has(run.out, "BAD   claude                        executor.toml:3: unknown key"))
      << run.out;
}

TEST_F(Doctor, FieldsOfAnotherKindCountAsAbsent) {
  Answer(R"({"set_up":true,"ok":true,"version":7,"probe":[],"base_url":{}})", "7", kKimi);
  const OdwctlRun run = Run({});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_TRUE(Has(run.out, "ok    claude")) << run.out;
  EXPECT_TRUE(Has(run.out, "BAD   codex                         odw-executor gave no answer"))
      << run.out;
}

}  // namespace
}  // namespace odw::client
