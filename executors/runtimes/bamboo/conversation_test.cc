#include "executors/runtimes/bamboo/conversation.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

namespace odw::executors {
namespace {

constexpr size_t kLong = 10'000;

class Conversations : public testing::Test {
 protected:
  Conversations() {
    char folder[] = "/tmp/odw-conversation-XXXXXX";
    folder_ = mkdtemp(folder);
    EXPECT_TRUE(conversation_.Begin(folder_ + "/log", Task{.token = "t"}, 1).ok());
  }
  ~Conversations() override { std::filesystem::remove_all(folder_); }

  ChatMessage* Next(const char* role) {
    record_.Clear();
    record_.mutable_message()->set_role(role);
    return record_.mutable_message();
  }
  void Add() { ASSERT_TRUE(conversation_.Add(record_).ok()); }
  // A call that writes a long file, with long thoughts, and a long answer to it.
  void AddTurn() {
    ChatMessage* call = Next("assistant");
    call->set_reasoning(std::string(kLong, 'r'));
    call->add_calls()->set_arguments("{\"path\":\"a.txt\",\"content\":\"" +
                                     std::string(kLong, 'w') + "\"}");
    Add();
    Next("tool")->set_content(std::string(kLong, 't'));
    Add();
  }
  size_t Bytes() const {
    size_t bytes = 0;
    for (const ChatMessage& message : conversation_.messages()) bytes += message.ByteSizeLong();
    return bytes;
  }

  std::string folder_;
  TurnRecord record_;
  Conversation conversation_;
};

TEST_F(Conversations, AreLeftAloneWhileThereIsRoom) {
  for (int i = 0; i < 5; ++i) AddTurn();
  const size_t before = Bytes();
  conversation_.Trim(100'000);
  EXPECT_EQ(Bytes(), before);
}

TEST_F(Conversations, GiveUpOldResultsFirst) {
  for (int i = 0; i < 10; ++i) AddTurn();
  conversation_.Trim(60'000);  // 240,000 bytes of 300,000
  const auto& messages = conversation_.messages();
  EXPECT_LT(messages[1].content().size(), 200u);
  EXPECT_EQ(messages[0].reasoning().size(), kLong);
  EXPECT_EQ(messages.back().content().size(), kLong);
}

TEST_F(Conversations, ThenThoughtsAndWhatCallsCarried) {
  for (int i = 0; i < 10; ++i) AddTurn();
  conversation_.Trim(1);
  const auto& messages = conversation_.messages();
  // Some providers refuse calls without any reasoning; and the arguments stay JSON.
  EXPECT_FALSE(messages[0].reasoning().empty());
  EXPECT_LT(messages[0].reasoning().size(), 200u);
  EXPECT_NE(messages[0].calls(0).arguments().find(R"("path":"a.txt")"), std::string::npos);
  EXPECT_LT(messages[0].calls(0).arguments().size(), 200u);
  EXPECT_EQ(messages.back().content().size(), kLong);  // the latest are what it works on
  EXPECT_LT(Bytes(), 6 * 2 * kLong);
}

TEST_F(Conversations, TheLogKeepsAllOfIt) {
  for (int i = 0; i < 10; ++i) AddTurn();
  const size_t before = Bytes();
  conversation_.Trim(1);
  Conversation again;
  Task task;
  ASSERT_TRUE(again.Load(folder_ + "/log", &task).ok());
  size_t bytes = 0;
  for (const ChatMessage& message : again.messages()) bytes += message.ByteSizeLong();
  EXPECT_EQ(bytes, before);
}

}  // namespace
}  // namespace odw::executors
