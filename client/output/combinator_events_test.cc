#include "client/output/combinator_events.h"

#include <gtest/gtest.h>

namespace odw::client {
namespace {

using Outcome = CombinatorEvents::Outcome;

std::string Text(const std::vector<CombinatorEvent>& events) {
  std::string text;
  for (const CombinatorEvent& event : events) {
    text += event.type + " " + event.id;
    if (event.calls > 0) {
      text += " " + std::to_string(event.failed) + "/" + std::to_string(event.calls) + " at " +
              std::to_string(event.unix_ms);
    }
    text += "; ";
  }
  return text;
}

TEST(CombinatorEvents, Spec_O28_AParallelIsDoneWhenItsCallsAreAndTheScriptGoesOn) {
  CombinatorEvents seen;
  EXPECT_EQ(Text(seen.OnCalled(1, "p1[0]", 10)), "parallel_start p1; ");
  EXPECT_EQ(Text(seen.OnCalled(2, "p1[1]", 11)), "");
  seen.OnEnded(1, Outcome::kDone, 20);
  EXPECT_EQ(Text(seen.OnCalled(3, "p1[0]", 21)), "");  // a second call of the first slot
  EXPECT_EQ(Text(seen.OnCalled(4, "", 22)), "");       // beside it: calls are open
  seen.OnEnded(2, Outcome::kFailed, 30);
  seen.OnEnded(3, Outcome::kDone, 31);
  seen.OnEnded(4, Outcome::kDone, 40);
  EXPECT_EQ(Text(seen.OnCalled(5, "p2[0]/s0", 41)),
            "parallel_done p1 1/3 at 31; pipeline_start p2; ");
  seen.OnEnded(5, Outcome::kDone, 50);
  EXPECT_EQ(Text(seen.AtEnd()), "pipeline_done p2 0/1 at 50; ");
}

TEST(CombinatorEvents, InnerOnesBeginAfterAndEndBeforeTheOuter) {
  CombinatorEvents seen;
  EXPECT_EQ(Text(seen.OnCalled(1, "p1[3]/s0/p1[0]", 1)),
            "pipeline_start p1; parallel_start p1[3]/s0/p1; ");
  seen.OnEnded(1, Outcome::kDone, 2);
  EXPECT_EQ(Text(seen.OnCalled(2, "p1[3]/s1", 3)), "parallel_done p1[3]/s0/p1 0/1 at 2; ");
  seen.OnEnded(2, Outcome::kDone, 4);
  EXPECT_EQ(Text(seen.OnCalled(3, "", 5)), "pipeline_done p1 0/2 at 4; ");
  EXPECT_EQ(Text(seen.AtEnd()), "");
}

}  // namespace
}  // namespace odw::client
