#include <grpcpp/generic/generic_stub.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <fstream>

#include "daemon/base/fd.h"
#include "daemon/rpc/rpc_test_env.h"

namespace odw::rpc {
namespace {

class Serving : public RpcTest {
 protected:
  std::string SocketPath() const { return folder_ + "/odwd.sock"; }

  static mode_t ModeOf(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
    return info.st_mode & 0777;
  }

  grpc::Status Info(const std::string& token) {
    grpc::ClientContext context;
    if (!token.empty()) context.AddMetadata("authorization", "Bearer " + token);
    v1::Info info;
    return control_->GetInfo(&context, {}, &info);
  }

  // A socket file as a crash leaves it.
  void LeaveStaleSocket() {
    const UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, SocketPath().c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
};

TEST_F(Serving, TheUnixSocketIsPrivateAndGoneAfterwards) {
  EXPECT_EQ(ModeOf(SocketPath()), 0600u);
  StopServer();
  EXPECT_FALSE(std::filesystem::exists(SocketPath()));
}

TEST_F(Serving, AStaleSocketFileIsReplaced) {
  StopServer();
  LeaveStaleSocket();
  StartServer({"unix:" + SocketPath()});
  EXPECT_TRUE(Info("").ok());
}

TEST_F(Serving, ASocketThatIsServedIsLeftAlone) {
  Server second(
      {.listen = {"unix:" + SocketPath()}, .data_dir = folder_, .token_file = folder_ + "/token"},
      {.inbox = core_.get(), .journal = journal_.get(), .loader = &loader_});
  const absl::Status status = second.Start();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(MessageOf(status).find("another process serves"), std::string::npos);
  EXPECT_TRUE(Info("").ok());
}

TEST_F(Serving, AFileThatIsNoSocketIsLeftAlone) {
  StopServer();
  std::ofstream(SocketPath()) << "precious";
  Server server(
      {.listen = {"unix:" + SocketPath()}, .data_dir = folder_, .token_file = folder_ + "/token"},
      {.inbox = core_.get(), .journal = journal_.get(), .loader = &loader_});
  EXPECT_EQ(server.Start().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(std::filesystem::exists(SocketPath()));
}

TEST_F(Serving, AFolderThatOthersMayWriteToIsRefused) {
  StopServer();
  std::filesystem::create_directory(folder_ + "/open");
  chmod((folder_ + "/open").c_str(), 0777);
  Server server({.listen = {"unix:" + folder_ + "/open/s"},
                 .data_dir = folder_,
                 .token_file = folder_ + "/token"},
                {.inbox = core_.get(), .journal = journal_.get(), .loader = &loader_});
  EXPECT_NE(MessageOf(server.Start()).find("others may write"), std::string::npos);
}

TEST_F(Serving, TcpNeedsTheTokenThatTheFirstStartMade) {
  StopServer();
  StartServer({"127.0.0.1:0"});
  EXPECT_EQ(ModeOf(folder_ + "/token"), 0600u);
  std::string token = *ReadFile(folder_ + "/token", 1000);
  token.pop_back();
  EXPECT_EQ(Info("").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Info("wrong").error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(Info(token).ok());
  grpc::ClientContext context;
  auto stream = executors_->Attach(&context);
  v1::ToExecutor none;
  EXPECT_FALSE(stream->Read(&none));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  StopServer();
  StartServer({"127.0.0.1:0"});
  EXPECT_TRUE(Info(token).ok()) << "the token outlives a restart";
}

TEST_F(Serving, ATokenFileThatOthersMayReadIsRefused) {
  StopServer();
  std::ofstream(folder_ + "/token") << std::string(64, 'a');
  chmod((folder_ + "/token").c_str(), 0644);
  Server server({.listen = {"127.0.0.1:0"}, .data_dir = folder_, .token_file = folder_ + "/token"},
                {.inbox = core_.get(), .journal = journal_.get(), .loader = &loader_});
  EXPECT_EQ(server.Start().code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(Serving, ATakenPortIsNamed) {
  StopServer();
  StartServer({"127.0.0.1:0"});
  const std::string taken = server_->addresses()[0];
  Server second({.listen = {taken}, .data_dir = folder_, .token_file = folder_ + "/token"},
                {.inbox = core_.get(), .journal = journal_.get(), .loader = &loader_});
  EXPECT_NE(MessageOf(second.Start()).find(taken), std::string::npos);
}

TEST_F(Serving, HealthAndReflectionAreOn) {
  grpc::ClientContext context;
  const grpc::Slice nothing;
  grpc::ByteBuffer empty(&nothing, 1);  // an empty message
  grpc::ByteBuffer answer;
  for (const auto& [method, is_stream] : std::vector<std::pair<std::string, bool>>{
           {"/grpc.health.v1.Health/Check", false},
           {"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", true}}) {
    grpc::ClientContext call_context;
    grpc::CompletionQueue queue;
    grpc::GenericStub stub(channel_);
    if (is_stream) {
      auto call = stub.PrepareCall(&call_context, method, &queue);
      void* tag;
      bool ok;
      call->StartCall(&tag);
      queue.Next(&tag, &ok);
      EXPECT_TRUE(ok);
      call->WritesDone(&tag);
      queue.Next(&tag, &ok);
      grpc::Status status;
      call->Finish(&status, &tag);
      queue.Next(&tag, &ok);
      EXPECT_TRUE(status.ok()) << method << ": " << status.error_message();
    } else {
      auto call = stub.PrepareUnaryCall(&call_context, method, empty, &queue);
      call->StartCall();
      grpc::Status status;
      void* tag;
      bool ok;
      call->Finish(&answer, &status, &tag);
      queue.Next(&tag, &ok);
      EXPECT_TRUE(status.ok()) << method << ": " << status.error_message();
    }
    queue.Shutdown();
    void* tag;
    bool ok;
    while (queue.Next(&tag, &ok)) {
    }
  }
}

TEST_F(Serving, ActivityCountsClientsAndNotExecutors) {
  const absl::Time before = server_->activity().last_call;
  grpc::ClientContext context;
  auto stream = executors_->Attach(&context);
  EXPECT_EQ(server_->activity().active_calls, 0u);
  Submit();
  EXPECT_GT(server_->activity().last_call, before);
  stream->WritesDone();
  stream->Finish();
}

}  // namespace
}  // namespace odw::rpc
