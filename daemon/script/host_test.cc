// A host behind its zygote: the protocol of proto/odw/v1/script.proto.
#include <gtest/gtest.h>

#include "daemon/script/test_host.h"

namespace odw::script {
namespace {

class HostTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { zygote_ = new TestZygote; }
  static void TearDownTestSuite() { delete zygote_; }
  static TestZygote* zygote_;
};
TestZygote* HostTest::zygote_ = nullptr;

TEST_F(HostTest, SaysWhatItIsBuiltOf) {
  TestHost host(zygote_);
  EXPECT_EQ(host.ready().pid(), static_cast<uint32_t>(host.pid()));
  EXPECT_EQ(host.ready().v8_version().substr(0, 4), "10.2");
  EXPECT_EQ(host.ready().prelude_version().size(), 16u);
  EXPECT_NE(host.ready().corejs_version(), "");
  EXPECT_EQ(host.ready().icu_version(), "72");
}

TEST_F(HostTest, RunsAScriptWithoutCallsInOneTurn) {
  TestHost host(zygote_);
  EXPECT_EQ(host.Evaluate("return {a: 1, b: [undefined, NaN]}"), R"({"a":1,"b":[null,null]})");
}

TEST_F(HostTest, SettlesAgentCalls) {
  TestHost host(zygote_);
  WholeTurn turn = host.Start("const a = await agent('one', {label: 'L', model: 'm'});\n"
                              "return [a, await agent('two')];");
  ASSERT_EQ(turn.turn.calls_size(), 1);
  EXPECT_EQ(turn.turn.calls(0).ordinal(), 1u);
  EXPECT_EQ(RequestOf(turn.turn.calls(0)).prompt(), "one");
  EXPECT_EQ(RequestOf(turn.turn.calls(0)).label(), "L");
  EXPECT_EQ(RequestOf(turn.turn.calls(0)).model(), "m");
  turn = host.SettleText(1, "first");
  EXPECT_EQ(turn.turn.seq(), 1u);
  ASSERT_EQ(turn.turn.calls_size(), 1);
  EXPECT_EQ(turn.turn.calls(0).ordinal(), 2u);
  turn = host.SettleJson(2, R"({"x":[1,2]})");
  ASSERT_TRUE(turn.returned());
  EXPECT_EQ(turn.result(), R"(["first",{"x":[1,2]}])");
}

}  // namespace
}  // namespace odw::script
