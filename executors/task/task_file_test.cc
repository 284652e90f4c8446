#include "executors/task/task_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

namespace odw::executors {
namespace {

class TaskFileTest : public testing::Test {
 protected:
  TaskFileTest() {
    char folder[] = "/tmp/odw-task-XXXXXX";
    folder_ = mkdtemp(folder);
    spec_.set_token("t1");
    spec_.set_program("/bin/true");
    owner_.set_pid(42);
    result_.set_token("t1");
    result_.set_value(std::string(100'000, 'v'));
  }
  ~TaskFileTest() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
  TaskSpec spec_;
  TaskOwner owner_;
  odw::v1::Result result_;
};

TEST_F(TaskFileTest, SectionsComeBackThroughAnotherDescriptor) {
  auto made = TaskFile::Create(folder_, spec_);
  ASSERT_TRUE(made.ok()) << made.status();
  TaskFile handed(UniqueFd(dup(made->fd())));
  EXPECT_EQ(handed.Load()->spec->program(), "/bin/true");
  EXPECT_FALSE(handed.Load()->owner.has_value());
  ASSERT_TRUE(handed.AppendOwner(owner_).ok());
  ASSERT_TRUE(handed.AppendResult(result_).ok());
  const auto record = made->Load();
  EXPECT_EQ(record->owner->pid(), 42);
  EXPECT_EQ(record->result->value(), result_.value());
}

TEST_F(TaskFileTest, TheLockIsHeldUntilTheLastDescriptorGoes) {
  auto made = TaskFile::Create(folder_, spec_);
  TaskFile handed(UniqueFd(dup(made->fd())));
  auto other = TaskFile::Open(folder_ + "/t1");
  made->Close();
  EXPECT_FALSE(other->TryLock());
  handed.Close();
  EXPECT_TRUE(other->TryLock());
}

TEST_F(TaskFileTest, ATornResultIsNone) {
  {
    auto made = TaskFile::Create(folder_, spec_);
    ASSERT_TRUE(made->AppendOwner(owner_).ok());
    ASSERT_TRUE(made->AppendResult(result_).ok());
  }
  std::filesystem::resize_file(folder_ + "/t1", std::filesystem::file_size(folder_ + "/t1") - 1);
  auto torn = TaskFile::Open(folder_ + "/t1");
  const auto record = torn->Load();
  EXPECT_TRUE(record->owner.has_value());
  EXPECT_FALSE(record->result.has_value());
  ASSERT_TRUE(torn->AppendResult(result_).ok());  // a second try covers the torn one
  EXPECT_TRUE(torn->Load()->result.has_value());
}

TEST_F(TaskFileTest, ASecondTaskOfTheTokenIsRefused) {
  auto made = TaskFile::Create(folder_, spec_);
  EXPECT_TRUE(absl::IsAlreadyExists(TaskFile::Create(folder_, spec_).status()));
}

}  // namespace
}  // namespace odw::executors
