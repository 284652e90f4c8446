#include "daemon/core/output_gate.h"

#include <gtest/gtest.h>

namespace odw::core {
namespace {

TEST(OutputGate, LetsNothingOutBeforeItsGroupIsDurable) {
  OutputGate gate;
  gate.Hold(SendAck{.session = 1, .token = "a"});
  EXPECT_TRUE(gate.Open(100).empty());  // not cut yet
  gate.Cut(1);
  gate.Hold(SendAck{.session = 1, .token = "b"});
  gate.Cut(2);
  gate.Hold(SendAck{.session = 1, .token = "c"});
  std::vector<Effect> out = gate.Open(1);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(std::get<SendAck>(out[0]).token, "a");
  EXPECT_TRUE(gate.has_uncut());
  EXPECT_EQ(gate.Open(2).size(), 1u);
  EXPECT_FALSE(gate.empty());
}

TEST(OutputGate, WhatRestsOnNoGroupLeavesAtOnce) {
  OutputGate gate;
  gate.Hold(SendWelcome{.session = 1});
  gate.Cut(0);  // before the first group of the process
  EXPECT_EQ(gate.Open(0).size(), 1u);
  EXPECT_TRUE(gate.empty());
}

TEST(OutputGate, HostEffectsAndAppendsAreNotGated) {
  EXPECT_FALSE(IsGated(Append{}));
  EXPECT_FALSE(IsGated(HostSettle{}));
  EXPECT_TRUE(IsGated(SendAssign{}));
  EXPECT_TRUE(IsGated(Reply{}));
  EXPECT_TRUE(IsGated(RunEnded{}));
}

}  // namespace
}  // namespace odw::core
