#include "daemon/rpc/explain.h"

#include <gtest/gtest.h>

#include "odw/v1/script.pb.h"

namespace odw::rpc {
namespace {

// A run's calls, one settled after the other.
class Story {
 public:
  Story(const std::string& run_id, const std::string& resumed_from) {
    v1::Event event;
    event.mutable_submitted()->set_run_id(run_id);
    event.mutable_submitted()->set_resumed_from(resumed_from);
    run.Apply(event);
  }
  void Mode(v1::ResumeMode mode) {
    v1::Event event;
    *event.mutable_submitted() = run.header();
    event.mutable_submitted()->set_resume_mode(mode);
    run.Apply(event);
  }
  // The prompt and the model make its key.
  void Call(uint64_t ordinal, const std::string& prompt, v1::NodeEnd end,
            const std::string& model = "", const std::string& scope = "") {
    v1::Event event;
    v1::NodeCalled* called = event.mutable_called();
    called->set_ordinal(ordinal);
    called->set_kind(v1::script::AGENT);
    called->mutable_prompt()->set_inline_(prompt);
    called->mutable_request()->set_model(model);
    called->mutable_request()->set_label(prompt.substr(0, 5));
    called->set_scope(scope);
    called->set_reuse_key(prompt + "/" + model + "/" + scope);
    run.Apply(event);
    if (end == v1::END_DONE || end == v1::END_FAILED) {
      v1::Event ended;
      ended.mutable_attempt_ended()->set_node(ordinal);
      ended.mutable_attempt_ended()->set_ok(end == v1::END_DONE);
      ended.mutable_attempt_ended()->mutable_error()->set_category(v1::AUTH);
      ended.mutable_attempt_ended()->mutable_error()->set_message("no key");
      run.Apply(ended);
    }
    v1::Event settled;
    settled.mutable_settled()->set_seq(ordinal);
    settled.mutable_settled()->set_node(ordinal);
    settled.mutable_settled()->set_end(end);
    if (end == v1::END_CACHED) {
      settled.mutable_settled()->set_from_run("wf_old");
      settled.mutable_settled()->set_from_node(1);
    }
    run.Apply(settled);
  }
  ExplainedRun run;
};

v1::ExplainResponse Ask(const Story& now, const Story& before, uint64_t node) {
  const auto text = [](const std::string&, const v1::Blob& blob) { return blob.inline_(); };
  auto response = Explain(now.run, &before.run, node, text);
  EXPECT_TRUE(response.ok()) << response.status();
  return response.ok() ? *response : v1::ExplainResponse();
}

TEST(Explain, AReusedNodeNamesItsOrigin) {
  Story before("wf_old", ""), now("wf_new", "wf_old");
  before.Call(1, "scan", v1::END_DONE);
  now.Call(3, "scan", v1::END_CACHED);
  const v1::ExplainResponse response = Ask(now, before, 3);
  EXPECT_TRUE(response.reused());
  EXPECT_EQ(response.from_run(), "wf_old");
  EXPECT_EQ(response.from_node(), 1u);
}

TEST(Explain, TheFieldsThatChangedAreShown) {
  Story before("wf_old", ""), now("wf_new", "wf_old");
  before.Call(1, "scan the code", v1::END_DONE, "haiku");
  now.Call(1, "scan all the code", v1::END_DONE, "opus");
  const v1::ExplainResponse response = Ask(now, before, 1);
  EXPECT_FALSE(response.reused());
  EXPECT_EQ(response.from_node(), 1u);
  ASSERT_EQ(response.changes_size(), 2);
  EXPECT_EQ(response.changes(0).field(), "prompt");
  EXPECT_EQ(response.changes(0).before(), "scan the code");
  EXPECT_EQ(response.changes(1).field(), "model");
  EXPECT_EQ(response.changes(1).after(), "opus");
  EXPECT_NE(response.why().find("prompt, model"), std::string::npos);
}

TEST(Explain, ALongFieldIsCutBetweenCharacters) {
  Story before("wf_old", ""), now("wf_new", "wf_old");
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "\xc3\xa9";
  before.Call(1, "a", v1::END_DONE);
  now.Call(1, "a" + text, v1::END_DONE);
  const v1::ExplainResponse response = Ask(now, before, 1);
  EXPECT_LE(response.changes(0).after().size(), kShownBytesMax);
  EXPECT_EQ(response.changes(0).after().substr(response.changes(0).after().size() - 5),
            "\xc3\xa9\xe2\x80\xa6");
}

TEST(Explain, AFailureOfTheOldNodeIsTheReason) {
  Story before("wf_old", ""), now("wf_new", "wf_old");
  before.Call(1, "scan", v1::END_FAILED);
  before.Call(2, "join", v1::END_SKIPPED);
  now.Call(1, "scan", v1::END_DONE);
  now.Call(2, "join", v1::END_DONE);
  EXPECT_NE(Ask(now, before, 1).why().find("n1 there failed (auth): only successes"),
            std::string::npos);
  EXPECT_NE(Ask(now, before, 2).why().find("n2 there was skipped"), std::string::npos);
}

TEST(Explain, InPrefixModeTheEndOfThePrefixIsTheReason) {
  Story before("wf_old", ""), now("wf_new", "wf_old");
  now.Mode(v1::RESUME_PREFIX);
  for (uint64_t node = 1; node <= 3; ++node) {
    before.Call(node, "step " + std::to_string(node), v1::END_DONE);
  }
  now.Call(1, "step 1", v1::END_CACHED);
  now.Call(2, "step two", v1::END_DONE);
  now.Call(3, "step 3", v1::END_DONE);
  EXPECT_NE(Ask(now, before, 3).why().find("prefix of calls ended at n2"), std::string::npos);
  EXPECT_NE(Ask(now, before, 2).why().find("this differs: prompt"), std::string::npos);
}

TEST(Explain, TheNearestCallIsOfTheSameSlotOrLabelOrText) {
  Story before("wf_old", ""), now("wf_new", "wf_old");
  before.Call(1, "alpha: read the files", v1::END_DONE, "", "p1[0]");
  before.Call(2, "beta: read the files", v1::END_DONE, "", "p1[1]");
  now.Call(1, "beta!: read the files", v1::END_DONE, "", "p1[1]");
  EXPECT_EQ(Ask(now, before, 1).from_node(), 2u);
  Story moved("wf_new", "wf_old");
  moved.Call(1, "alpha: read the file", v1::END_DONE, "", "p9[7]");
  EXPECT_EQ(Ask(moved, before, 1).from_node(), 1u);
  Story other("wf_new", "wf_old");
  other.Call(1, "0123456789", v1::END_DONE, "", "p9[7]");
  EXPECT_EQ(Ask(other, before, 1).from_node(), 0u);
  EXPECT_NE(Ask(other, before, 1).why().find("it is new"), std::string::npos);
}

TEST(Explain, ARunThatResumesNothingSaysSo) {
  Story now("wf_new", "");
  now.Call(1, "scan", v1::END_DONE);
  EXPECT_NE(Ask(now, now, 1).why().find("not resumed"), std::string::npos);
  EXPECT_TRUE(absl::IsNotFound(Explain(now.run, nullptr, 9, nullptr).status()));
}

TEST(Explain, ARunThatIsGoneLeavesNothingToCompare) {
  Story now("wf_new", "wf_old");
  now.Call(1, "scan", v1::END_DONE);
  const auto response = Explain(now.run, nullptr, 1, nullptr);
  EXPECT_NE(response->why().find("is gone"), std::string::npos);
}

}  // namespace
}  // namespace odw::rpc
