#include <thread>

#include "daemon/base/version.h"
#include "daemon/rpc/rpc_test_env.h"

namespace odw::rpc {
namespace {

class Attach : public RpcTest {
 protected:
  struct Stream {
    std::unique_ptr<grpc::ClientContext> context = std::make_unique<grpc::ClientContext>();
    std::unique_ptr<grpc::ClientReaderWriter<v1::FromExecutor, v1::ToExecutor>> calls;
  };

  static v1::FromExecutor Register() {
    v1::FromExecutor message;
    v1::Register* info = message.mutable_register_();
    info->set_protocol_version(kExecutorProtocolVersion);
    info->set_executor_id("ex1");
    info->set_runtime("mock");
    info->set_slots(16);
    return message;
  }

  Stream Open() {
    Stream stream;
    stream.calls = executors_->Attach(stream.context.get());
    return stream;
  }

  // What the daemon says to this first message.
  grpc::Status RefusalOf(const v1::FromExecutor& first) {
    Stream stream = Open();
    stream.calls->Write(first);
    v1::ToExecutor none;
    EXPECT_FALSE(stream.calls->Read(&none));
    return stream.calls->Finish();
  }
};

TEST_F(Attach, MessagesGoBothWaysInOrder) {
  Stream stream = Open();
  ASSERT_TRUE(stream.calls->Write(Register()));
  const core::ExecutorAttached attached = core_->WaitFor<core::ExecutorAttached>();
  EXPECT_EQ(attached.info.executor_id(), "ex1");
  for (uint32_t i = 0; i < 500; ++i) {
    v1::ToExecutor message;
    message.mutable_assign()->set_attempt(i);
    server_->outbox()->Send(attached.session, std::move(message));
  }
  for (uint32_t i = 0; i < 500; ++i) {
    v1::ToExecutor message;
    ASSERT_TRUE(stream.calls->Read(&message));
    ASSERT_EQ(message.assign().attempt(), i);
  }
  v1::FromExecutor result;
  result.mutable_result()->set_token("t");
  ASSERT_TRUE(stream.calls->Write(result));
  EXPECT_EQ(core_->WaitFor<core::ExecutorSaid>().message.result().token(), "t");
  stream.calls->WritesDone();
  EXPECT_TRUE(stream.calls->Finish().ok());
  EXPECT_EQ(core_->WaitFor<core::ExecutorDetached>().session, attached.session);
}

TEST_F(Attach, AnotherProtocolVersionIsRefusedByName) {
  v1::FromExecutor message = Register();
  message.mutable_register_()->set_protocol_version(99);
  const grpc::Status status = RefusalOf(message);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(status.error_message().find("protocol 99"), std::string::npos);
}

TEST_F(Attach, TheFirstMessageMustRegister) {
  v1::FromExecutor message;
  message.mutable_heartbeat();
  EXPECT_EQ(RefusalOf(message).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(Attach, ARegisterWithoutSlotsOrNameIsRefused) {
  v1::FromExecutor message = Register();
  message.mutable_register_()->set_slots(0);
  EXPECT_EQ(RefusalOf(message).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  message = Register();
  message.mutable_register_()->clear_executor_id();
  EXPECT_EQ(RefusalOf(message).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(Attach, AnExecutorThatDiesIsDetached) {
  core::SessionId session = 0;
  {
    Stream stream = Open();
    stream.calls->Write(Register());
    session = core_->WaitFor<core::ExecutorAttached>().session;
    stream.context->TryCancel();
  }
  EXPECT_EQ(core_->WaitFor<core::ExecutorDetached>().session, session);
  server_->outbox()->Send(session, v1::ToExecutor());  // dropped
}

TEST_F(Attach, CloseComesAfterWhatWasSent) {
  Stream stream = Open();
  stream.calls->Write(Register());
  const core::SessionId session = core_->WaitFor<core::ExecutorAttached>().session;
  v1::ToExecutor message;
  message.mutable_ack()->set_token("t");
  server_->outbox()->Send(session, message);
  server_->outbox()->CloseSession(session, absl::AlreadyExistsError("attached twice"));
  v1::ToExecutor got;
  ASSERT_TRUE(stream.calls->Read(&got));
  EXPECT_EQ(got.ack().token(), "t");
  EXPECT_FALSE(stream.calls->Read(&got));
  EXPECT_EQ(stream.calls->Finish().error_code(), grpc::StatusCode::ALREADY_EXISTS);
  core_->WaitFor<core::ExecutorDetached>();
}

TEST_F(Attach, AFailedJournalEndsStreamsAndRefusesNewOnes) {
  Stream stream = Open();
  stream.calls->Write(Register());
  core_->WaitFor<core::ExecutorAttached>();
  server_->outbox()->FailAll(absl::ResourceExhaustedError("No space left on device"));
  v1::ToExecutor none;
  EXPECT_FALSE(stream.calls->Read(&none));
  EXPECT_EQ(stream.calls->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(RefusalOf(Register()).error_code(), grpc::StatusCode::UNAVAILABLE);
}

TEST_F(Attach, ManyExecutorsAtOnce) {
  constexpr int kExecutors = 20;
  constexpr int kResults = 50;
  core_->on_input = [&](const core::Input& input) {
    const auto* said = std::get_if<core::ExecutorSaid>(&input);
    if (said == nullptr) return;
    v1::ToExecutor ack;
    ack.mutable_ack()->set_token(said->message.result().token());
    server_->outbox()->Send(said->session, std::move(ack));
  };
  std::vector<std::thread> threads;
  for (int e = 0; e < kExecutors; ++e) {
    threads.emplace_back([&] {
      Stream stream = Open();
      stream.calls->Write(Register());
      for (int i = 0; i < kResults; ++i) {
        v1::FromExecutor result;
        result.mutable_result()->set_token(std::to_string(i));
        ASSERT_TRUE(stream.calls->Write(result));
        v1::ToExecutor ack;
        ASSERT_TRUE(stream.calls->Read(&ack));
        ASSERT_EQ(ack.ack().token(), std::to_string(i));
      }
      stream.calls->WritesDone();
      EXPECT_TRUE(stream.calls->Finish().ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  core_->WaitFor<core::ExecutorDetached>(kExecutors);
}

}  // namespace
}  // namespace odw::rpc
