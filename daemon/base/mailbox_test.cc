#include "daemon/base/mailbox.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

namespace odw {
namespace {

TEST(Mailbox, RefusesWhenFullAndKeepsOrder) {
  Mailbox<int> box(2);
  EXPECT_TRUE(box.TryPost(1));
  EXPECT_TRUE(box.TryPost(2));
  EXPECT_FALSE(box.TryPost(3));
  std::vector<int> got;
  box.TakeAll(&got);
  EXPECT_EQ(got, (std::vector<int>{1, 2}));
  EXPECT_TRUE(box.TryPost(4));
}

TEST(Mailbox, WakesAWaitingLoopForEveryItem) {
  Mailbox<int> box(100000);
  constexpr int kItems = 20000;
  std::thread poster([&] {
    for (int i = 0; i < kItems; ++i) box.Post(i);
  });
  std::vector<int> got;
  int next = 0;
  while (next < kItems) {
    pollfd waiting{box.wake_fd(), POLLIN, 0};
    ASSERT_EQ(poll(&waiting, 1, 10000), 1);
    box.TakeAll(&got);
    for (int item : got) ASSERT_EQ(item, next++);
  }
  poster.join();
}

}  // namespace
}  // namespace odw
