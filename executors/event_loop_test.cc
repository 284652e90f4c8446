#include "executors/event_loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace odw::executors {
namespace {

TEST(EventLoop, TimersFireInOrderAndCancelledOnesDoNot) {
  EventLoop loop;
  std::string order;
  loop.After(absl::Milliseconds(3), [&] { order += "c"; loop.Stop(); });
  loop.After(absl::Milliseconds(1), [&] { order += "a"; });
  const auto cancelled = loop.After(absl::Milliseconds(2), [&] { order += "x"; });
  loop.After(absl::Milliseconds(2), [&] { order += "b"; });
  loop.CancelTimer(cancelled);
  loop.Run();
  EXPECT_EQ(order, "abc");
}

TEST(EventLoop, ADescriptorMayBeUnwatchedFromAnothersCallback) {
  EventLoop loop;
  int one[2], two[2];
  ASSERT_EQ(pipe(one), 0);
  ASSERT_EQ(pipe(two), 0);
  ASSERT_EQ(write(one[1], "x", 1) + write(two[1], "x", 1), 2);
  int calls = 0;
  const auto on_ready = [&](uint32_t) {
    ++calls;
    loop.Unwatch(one[0]);
    loop.Unwatch(two[0]);
  };
  loop.Watch(one[0], EPOLLIN, on_ready);
  loop.Watch(two[0], EPOLLIN, on_ready);
  loop.RunOnce(absl::Seconds(1));
  EXPECT_EQ(calls, 1);
  for (const int fd : {one[0], one[1], two[0], two[1]}) close(fd);
}

TEST(EventLoop, RoundEndComesAfterTheRoundsWork) {
  EventLoop loop;
  std::string order;
  loop.OnRoundEnd([&] { order += "|"; });
  loop.After(absl::ZeroDuration(), [&] {
    order += "a";
    loop.After(absl::ZeroDuration(), [&] { order += "b"; });
  });
  loop.RunOnce(absl::Seconds(1));
  loop.RunOnce(absl::Seconds(1));
  EXPECT_EQ(order, "a|b|");
}

}  // namespace
}  // namespace odw::executors
