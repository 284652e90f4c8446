// Text, JSON and the live tree as they are shown.
#include <gtest/gtest.h>

#include "client/output/json.h"
#include "client/output/line_progress.h"
#include "client/output/text.h"
#include "client/output/tree_view.h"

namespace odw::client {
namespace {

constexpr int64_t kStart = 1'795'000'000'000;

TEST(Text, NothingInALabelSteersTheTerminal) {
  EXPECT_EQ(OneLine("a\x1b[31mred\x1b[0m\x07"), "a[31mred[0m");
  EXPECT_EQ(OneLine("two\r\nlines\tand"), "two lines and");
  EXPECT_EQ(OneLine("\xE2\x80\xAE"
                    "abc\xE2\x81\xA6"),
            "abc");  // bidi override, isolate
  EXPECT_EQ(OneLine("\xC2\x9B"
                    "2J"),
            "2J");  // the one-byte CSI
  EXPECT_EQ(OneLine("bad\xFF\xC3"), "bad\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(OneLine("\xC0\xAF\xED\xA0\x80").find('/'), std::string::npos);  // overlong, surrogate
  EXPECT_EQ(SafeText("keeps\n\tthese\x1b"), "keeps\n\tthese");
}

TEST(Text, IsCutToItsColumns) {
  EXPECT_EQ(Fit("short", 5), "short");
  EXPECT_EQ(Fit("longer", 5), "long…");
  EXPECT_EQ(Fit("äöüäöü", 4), "äöü…");
  EXPECT_EQ(Fit("x", 0), "");
  EXPECT_EQ(DisplayWidth(Pad("äö", 6)), 6);
}

TEST(Text, NumbersHaveUnits) {
  EXPECT_EQ(FormatCount(999), "999");
  EXPECT_EQ(FormatCount(12345), "12.3k");
  EXPECT_EQ(FormatCount(4'500'000), "4.5M");
  EXPECT_EQ(FormatMillis(85), "85ms");
  EXPECT_EQ(FormatMillis(3249), "3.2s");
  EXPECT_EQ(FormatMillis(252'000), "4m12s");
  EXPECT_EQ(FormatMillis(7'500'000), "2h05m");
  EXPECT_EQ(FormatMillis(-5), "0ms");
}

TEST(Json, IsIndentedWithoutTouchingItsNumbers) {
  EXPECT_EQ(PrettyJson("{\"a\":1e400,\"b\":[],\"c\":{ },\"d\":[1,\"x,]\\\"\"]}"),
            "{\n  \"a\": 1e400,\n  \"b\": [],\n  \"c\": {},\n  \"d\": [\n    1,\n    \"x,]\\\"\"\n "
            " ]\n}");
  EXPECT_EQ(PrettyJson("\"text\""), "\"text\"");
}

TEST(Json, OfAnErrorHoldsCodeMessageAndNextStep) {
  EXPECT_EQ(FailureToJson({ExitCode::kNotFound, "not_found", "no \"run\"", "odwctl list"}),
            "{\"error\":{\"code\":\"not_found\",\"message\":\"no \\\"run\\\"\","
            "\"next_step\":\"odwctl list\",\"exit_code\":5}}");
}

// A recorded run: two phases, one failure, one node at work, hostile labels.
class Tree : public testing::Test {
 protected:
  Tree() {
    v1::WatchEvent& started = Next(0);
    started.mutable_run_started()->set_name("sur\x1b[2Jvey");
    started.mutable_run_started()->add_phases("Scan");
    started.mutable_run_started()->add_phases("Write");
  }
  v1::WatchEvent& Next(int64_t millis) {
    v1::WatchEvent& event = events_.emplace_back();
    event.set_number(events_.size() * 2);
    event.set_unix_ms(kStart + millis);
    return event;
  }
  v1::NodeChanged& Node(int64_t millis, uint64_t ordinal, v1::NodeState state) {
    v1::NodeChanged& node = *Next(millis).mutable_node();
    node.set_ordinal(ordinal);
    node.set_state(state);
    node.set_label("scan file " + std::to_string(ordinal));
    node.set_phase("Scan");
    node.set_runtime("mock");
    node.set_attempt(1);
    return node;
  }
  std::string View(int columns, int rows) {
    RunTree tree;
    for (const v1::WatchEvent& event : events_) tree.Apply(event);
    for (const v1::WatchEvent& event : events_) tree.Apply(event);  // repeats change nothing
    std::string text;
    const auto lines =
        ViewTree(tree, {.columns = columns, .rows = rows, .now_unix_ms = kStart + 4000});
    EXPECT_LE(lines.size(), static_cast<size_t>(rows));
    for (const std::string& line : lines) {
      EXPECT_LE(DisplayWidth(line), columns) << line;
      text += line + "\n";
    }
    return text;
  }

  std::vector<v1::WatchEvent> events_;
};

TEST_F(Tree, ShowsPhasesNodesStatesTokensAndElapsed) {
  Node(100, 1, v1::NODE_RUNNING);
  Node(200, 2, v1::NODE_RUNNING);
  Node(300, 3, v1::NODE_RUNNING);
  Node(1300, 1, v1::NODE_DONE).mutable_usage()->set_input_tokens(1500);
  v1::NodeChanged& failed = Node(2200, 2, v1::NODE_FAILED);
  failed.mutable_error()->set_category(v1::RATE_LIMIT);
  failed.mutable_error()->set_message("later\nplease");
  EXPECT_EQ(View(70, 20),
            "sur[2Jvey · running · degraded · 4.0s · 2/3 nodes · 1 running · 1 fai…\n"
            "Scan  2/3 · 1 running · 1 failed · 1.5k tokens\n"
            "  ✓ n1 scan file 1 (mock)                               1.5k tok  1.2s\n"
            "  ✗ n2 scan file 2 (mock)  rate_limit: later please               2.0s\n"
            "  ● n3 scan file 3 (mock)                                         3.7s\n"
            "Write\n");
}

TEST_F(Tree, OfAThousandNodesFitsTheScreenAndKeepsWhatIsAtWorkInSight) {
  for (uint64_t i = 1; i <= 1000; ++i) {
    Node(100, i, v1::NODE_QUEUED);
    Node(200, i, v1::NODE_RUNNING);
    if (i != 17 && i != 500) Node(300, i, v1::NODE_DONE);
  }
  const std::string view = View(60, 12);
  EXPECT_NE(view.find("n17 "), std::string::npos) << view;
  EXPECT_NE(view.find("n500 "), std::string::npos) << view;
  EXPECT_NE(view.find("998/1000"), std::string::npos) << view;
  View(10, 3);
  View(1, 1);
}

TEST_F(Tree, EndsWithTheRunsStateAndHealth) {
  Node(100, 1, v1::NODE_RUNNING);
  Node(900, 1, v1::NODE_DONE);
  v1::RunEnded& ended = *Next(1000).mutable_run_ended();
  ended.set_state(v1::COMPLETED);
  ended.set_health(v1::OK);
  EXPECT_EQ(View(80, 10).substr(0, 52), "sur[2Jvey · completed · 1.0s · 1/1 nodes · 0 tok");
}

TEST_F(Tree, SaysThatTheRunIsPausedAndWhyUntilItGoesOn) {
  v1::RunStateChanged& paused = *Next(500).mutable_state();
  paused.set_state(v1::PAUSED);
  paused.set_why("the ceiling of 5 USD is reached");
  EXPECT_NE(View(90, 10).find("sur[2Jvey · paused (the ceiling of 5 USD is reached) · 4.0s"),
            std::string::npos)
      << View(90, 10);
  Next(600).mutable_state()->set_state(v1::RUNNING);
  EXPECT_NE(View(90, 10).find("sur[2Jvey · running · 4.0s"), std::string::npos);
}

TEST_F(Tree, CountsReusedAndSkippedNodesAndShowsWhatARunningOneDoes) {
  Node(100, 1, v1::NODE_CACHED);
  Node(100, 2, v1::NODE_SKIPPED);
  Node(100, 3, v1::NODE_RUNNING);
  v1::NodeProgress& progress = *Next(200).mutable_progress();
  events_.back().set_number(0);  // progress has none
  progress.set_ordinal(3);
  progress.set_note("reads\x1b[2J files");
  progress.mutable_usage_so_far()->set_output_tokens(70);
  const std::string view = View(90, 10);
  EXPECT_NE(view.find("2/3 nodes · 1 running · 1 skipped · 1 reused · 70 tokens"),
            std::string::npos)
      << view;
  EXPECT_NE(view.find("≡ n1 scan file 1 (mock)  reused"), std::string::npos) << view;
  EXPECT_NE(view.find("● n3 scan file 3 (mock)  reads[2J files"), std::string::npos) << view;
}

TEST_F(Tree, EstimatesFromWhatHasEndedHowLongTheCallsSoFarStillTake) {
  for (uint64_t i = 1; i <= 3; ++i) {
    Node(0, i, v1::NODE_RUNNING);
    Node(2000, i, v1::NODE_DONE);
  }
  EXPECT_EQ(View(90, 20).find("to go"), std::string::npos) << "nothing is left";
  for (uint64_t i = 4; i <= 8; ++i) Node(4000, i, v1::NODE_QUEUED);
  Node(4000, 4, v1::NODE_RUNNING);
  // Five calls of two seconds, one at a time; the view is taken at 4 s.
  EXPECT_NE(View(90, 20).find("about 10.0s to go"), std::string::npos) << View(90, 20);
}

TEST_F(Tree, MoneyOfTwoCurrenciesIsNotAddedUpAndEachAttemptCounts) {
  const auto spend = [](v1::NodeChanged* node, uint32_t attempt, int64_t micros,
                        const char* currency) {
    node->set_attempt(attempt);
    node->mutable_usage()->set_input_tokens(100);
    node->mutable_usage()->set_cost_micros(micros);
    node->mutable_usage()->set_currency(currency);
  };
  spend(&Node(100, 1, v1::NODE_RUNNING), 1, 1'000'000, "USD");
  spend(&Node(200, 1, v1::NODE_RUNNING), 2, 500'000, "USD");
  spend(&Node(300, 2, v1::NODE_RUNNING), 1, 3'000'000, "CNY");
  const std::string view = View(100, 20);
  EXPECT_NE(view.find("300 tokens"), std::string::npos) << view;
  EXPECT_NE(view.find("3.0000 CNY"), std::string::npos) << view;
  EXPECT_NE(view.find("1.5000 USD"), std::string::npos) << view;
}

TEST_F(Tree, UsageThatComesLateLeavesTheNodeAsItWas) {
  Node(100, 1, v1::NODE_RUNNING);
  Node(200, 1, v1::NODE_DONE);
  Node(300, 1, v1::NODE_STATE_UNSPECIFIED).mutable_usage()->set_input_tokens(70);
  const std::string view = View(100, 20);
  EXPECT_NE(view.find("1/1 nodes"), std::string::npos) << view;
  EXPECT_NE(view.find("70 tokens"), std::string::npos) << view;
}

TEST_F(Tree, AsLinesNamesEachEndOnce) {
  std::string lines;
  LineProgress progress([&](const std::string& line) { lines += line; });
  Node(100, 1, v1::NODE_RUNNING);
  Node(1300, 1, v1::NODE_DONE);
  Next(1400).mutable_log()->set_text("hello\x1b[31m");
  for (const v1::WatchEvent& event : events_) progress.OnEvent(event);
  for (const v1::WatchEvent& event : events_) progress.OnEvent(event);
  EXPECT_EQ(lines,
            "   1.3s  + n1 scan file 1 (mock)  1.2s\n"
            "   1.4s  log: hello[31m\n");
}

}  // namespace
}  // namespace odw::client
