#include "daemon/base/kill_point.h"

#include <gtest/gtest.h>

#if defined(ODW_KILL_POINTS)

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <string>

#include "daemon/base/fd.h"
#include "daemon/base/kill_page.h"

namespace odw {
namespace {

using kill_page::Page;

class KillPointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char path[] = "/tmp/odw-kill-page-XXXXXX";
    const UniqueFd fd(mkstemp(path));
    path_ = path;
    ASSERT_EQ(ftruncate(fd.get(), sizeof(Page)), 0);
    page_ = static_cast<Page*>(
        mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0));
    ASSERT_NE(page_, MAP_FAILED);
    memcpy(page_->magic, kill_page::kMagic, sizeof page_->magic);
  }
  void TearDown() override {
    munmap(page_, sizeof(Page));
    unlink(path_.c_str());
  }
  void Order(const char* point, int64_t passage) {
    const uint32_t at = page_->order_count.load();
    strcpy(page_->orders[at].point, point);
    page_->orders[at].left = passage;
    page_->order_count = at + 1;
  }
  // A process that passes `point` `times` times: its wait status.
  int Passer(const char* point, int times) {
    const pid_t pid = fork();
    if (pid == 0) {
      setenv("ODW_KILL_PAGE", path_.c_str(), 1);
      for (int i = 0; i < times; ++i) KillPoint(point);
      _exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return status;
  }

  std::string path_;
  Page* page_ = nullptr;
};

TEST_F(KillPointTest, KillsAtThePassageThatWasOrderedAcrossProcesses) {
  Order("here", 5);
  EXPECT_EQ(Passer("here", 3), 0);
  EXPECT_EQ(Passer("elsewhere", 9), 0);
  EXPECT_EQ(Passer("here", 3), SIGKILL);
  EXPECT_EQ(page_->current.load(), 1u);
  EXPECT_GT(page_->orders[0].unix_us, 0);
  EXPECT_EQ(Passer("here", 3), 0);
  EXPECT_STREQ(page_->points[0].point, "here");
  EXPECT_EQ(page_->points[0].count.load(), 8);
  EXPECT_STREQ(page_->points[1].point, "elsewhere");
  EXPECT_EQ(page_->points[1].count.load(), 9);
}

TEST_F(KillPointTest, TheDyingThreadMayBeHeldFirst) {
  Order("here", 1);
  page_->orders[0].hold_us = 30000;
  timespec before;
  clock_gettime(CLOCK_REALTIME, &before);
  EXPECT_EQ(Passer("here", 1), SIGKILL);
  EXPECT_GE(page_->orders[0].unix_us - (int64_t{before.tv_sec} * 1000000 + before.tv_nsec / 1000), 30000);
}

TEST_F(KillPointTest, OrdersAreWorkedOffInTurn) {
  Order("a", 1);
  Order("b", 2);
  EXPECT_EQ(Passer("b", 9), 0);
  EXPECT_EQ(Passer("a", 1), SIGKILL);
  EXPECT_EQ(Passer("b", 1), 0);
  EXPECT_EQ(Passer("b", 1), SIGKILL);
  EXPECT_EQ(page_->current.load(), 2u);
}

}  // namespace
}  // namespace odw

#endif
