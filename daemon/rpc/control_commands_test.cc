// Pause, Unpause, Skip, Restart, Delete, Check, GetSource, ListWorkflows, Repository, and a turned clock.
#include <thread>

#include "daemon/base/version.h"
#include "daemon/rpc/rpc_test_env.h"
#include "odw/v1/test_clock.grpc.pb.h"

namespace odw::rpc {
namespace {

class Commands : public RpcTest {
 protected:
  template <typename Request, typename Method>
  grpc::Status Do(Method method, const Request& request) {
    grpc::ClientContext context;
    return (control_.get()->*method)(&context, request, &reply_);
  }
  v1::NodeRequest Node(const std::string& run_id, uint64_t node) {
    v1::NodeRequest request;
    request.set_run_id(run_id);
    request.set_node(node);
    return request;
  }
  v1::RunReply reply_;
};

TEST_F(Commands, EachReachesTheCoreWithItsRunNodeAndOwner) {
  const std::string run_id = Submit();
  v1::PauseRequest pause;
  pause.set_run_id(run_id);
  pause.set_reason("lunch");
  EXPECT_TRUE(Do(&v1::Control::Stub::Pause, pause).ok());
  EXPECT_EQ(reply_.run().run_id(), run_id);
  EXPECT_EQ(core_->WaitFor<core::PauseRun>().reason, "lunch");
  EXPECT_FALSE(core_->WaitFor<core::PauseRun>().owner.empty());

  v1::UnpauseRequest unpause;
  unpause.set_run_id(run_id);
  unpause.set_tokens_max(7);
  unpause.set_cost_micros_max(8);
  EXPECT_TRUE(Do(&v1::Control::Stub::Unpause, unpause).ok());
  EXPECT_EQ(core_->WaitFor<core::UnpauseRun>().tokens_max, 7u);
  EXPECT_EQ(core_->WaitFor<core::UnpauseRun>().cost_micros_max, 8);

  EXPECT_TRUE(Do(&v1::Control::Stub::Skip, Node(run_id, 3)).ok());
  EXPECT_EQ(core_->WaitFor<core::SkipNode>().node, 3u);
  EXPECT_TRUE(Do(&v1::Control::Stub::Restart, Node(run_id, 4)).ok());
  EXPECT_EQ(core_->WaitFor<core::RestartNode>().run_id, run_id);
}

TEST_F(Commands, TheCoresRefusalIsTheAnswer) {
  const std::string run_id = Submit();
  core_->command_answer = absl::FailedPreconditionError("n1 has settled");
  const grpc::Status status = Do(&v1::Control::Stub::Skip, Node(run_id, 1));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), "n1 has settled");
  core_->command_answer = absl::NotFoundError("no node n9");
  EXPECT_EQ(Do(&v1::Control::Stub::Skip, Node(run_id, 9)).error_message(), "no node n9");
}

TEST_F(Commands, ARunThatEndedLongAgoIsRefusedByName) {
  const std::string run_id = Submit();
  core_->CommitEnd(run_id);
  core_->command_answer = absl::NotFoundError("no open run");  // the core has forgotten it
  const grpc::Status status = Do(&v1::Control::Stub::Restart, Node(run_id, 1));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(status.error_message().find("has ended"), std::string::npos);
  EXPECT_EQ(Do(&v1::Control::Stub::Restart, Node("wf_nobody-knows", 1)).error_code(),
            grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Do(&v1::Control::Stub::Restart, Node("7", 1)).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(Commands, DeleteRemovesAnEndedRunAndNoOther) {
  const std::string run_id = Submit("nightly");
  v1::DeleteRequest request;
  v1::DeleteResponse response;
  request.set_run_id(run_id);
  const auto remove = [&] {
    grpc::ClientContext context;
    return control_->Delete(&context, request, &response).error_code();
  };
  EXPECT_EQ(remove(), grpc::StatusCode::FAILED_PRECONDITION);
  core_->CommitEnd(run_id);
  EXPECT_EQ(remove(), grpc::StatusCode::OK);
  EXPECT_EQ(remove(), grpc::StatusCode::NOT_FOUND);
  EXPECT_NE(Submit("nightly"), run_id);  // its key is free again
}

TEST_F(Commands, CheckTellsEveryProblemAndWarning) {
  v1::script::LoadReply reply;
  for (const bool warning : {false, true}) {
    v1::script::Problem* problem = reply.add_problems();
    problem->set_line(3);
    problem->set_column(7);
    problem->set_message("Unexpected token");
    problem->set_warning(warning);
  }
  loader_.reply = reply;
  v1::CheckRequest request;
  v1::CheckResponse response;
  request.set_script("const = 1");
  grpc::ClientContext context;
  ASSERT_TRUE(control_->Check(&context, request, &response).ok());
  EXPECT_FALSE(response.ok());
  ASSERT_EQ(response.problems_size(), 2);
  EXPECT_EQ(response.problems(0).line(), 3u);
  EXPECT_TRUE(response.problems(1).warning());
}

TEST_F(Commands, CheckFindsWhatSubmitWouldRefuse) {
  v1::CheckRequest request;
  v1::CheckResponse response;
  request.set_script("a\nb\xff");
  {
    grpc::ClientContext context;
    ASSERT_TRUE(control_->Check(&context, request, &response).ok());
  }
  EXPECT_FALSE(response.ok());
  EXPECT_EQ(response.problems(0).line(), 2u);
  EXPECT_EQ(response.problems(0).column(), 2u);
  request.set_script("a\n'sk-ant-" + std::string("a1B2c3D4e5F6g7H8i9J0'"));
  response.Clear();
  grpc::ClientContext context;
  ASSERT_TRUE(control_->Check(&context, request, &response).ok());
  EXPECT_FALSE(response.ok());
  EXPECT_NE(response.problems(0).message().find("Anthropic"), std::string::npos);
}

TEST_F(Commands, GetSourceGivesBackWhatWasSubmitted) {
  v1::SubmitRequest submit;
  v1::SubmitResponse submitted;
  submit.set_script("return '" + std::string(5000, 'x') + "'");
  submit.set_script_path("/home/kim/flow.js");
  submit.set_args_json("[1, 2]");
  {
    grpc::ClientContext context;
    ASSERT_TRUE(control_->Submit(&context, submit, &submitted).ok());
  }
  v1::GetSourceRequest request;
  v1::GetSourceResponse response;
  request.set_run_id(submitted.run_id());
  grpc::ClientContext context;
  ASSERT_TRUE(control_->GetSource(&context, request, &response).ok());
  EXPECT_EQ(response.script(), submit.script());
  EXPECT_EQ(response.script_name(), "flow.js");
  EXPECT_EQ(response.script_path(), "/home/kim/flow.js");
  EXPECT_EQ(response.args_json(), "[1, 2]");
}

TEST_F(Commands, ListWorkflowsAsksTheRegistry) {
  v1::ListWorkflowsRequest request;
  v1::ListWorkflowsResponse response;
  request.set_cwd("/repo");
  {
    grpc::ClientContext context;
    ASSERT_TRUE(control_->ListWorkflows(&context, request, &response).ok());
  }
  EXPECT_EQ(response.workflows(0).path(), "/repo/flows/saved.js");
  request.set_cwd("repo");
  grpc::ClientContext context;
  EXPECT_EQ(control_->ListWorkflows(&context, request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

class RepositoryCalls : public Commands {
 protected:
  // A run whose node 2 changed a.txt in executor ex1's repository.
  std::string RunWithAChange() {
    const std::string run_id = Submit();
    std::vector<v1::Event> events(3);
    events[0].mutable_attempt_started()->set_node(2);
    events[0].mutable_attempt_started()->set_attempt(1);
    events[0].mutable_attempt_started()->set_executor_id("ex1");
    v1::AttemptEnded* ended = events[1].mutable_attempt_ended();
    ended->set_node(2);
    ended->set_attempt(1);
    ended->set_ok(true);
    ended->mutable_worktree()->set_repository("/repo");
    ended->mutable_worktree()->set_changed(true);
    ended->mutable_worktree()->mutable_diff()->set_inline_("long");
    events[2].mutable_settled()->set_node(2);
    events[2].mutable_settled()->set_attempt(1);
    core_->Commit(run_id, events);
    return run_id;
  }
  grpc::Status Ask(const std::string& run_id, uint64_t node, v1::RepositoryResponse* response) {
    v1::RepositoryRequest request;
    request.set_run_id(run_id);
    request.set_node(node);
    request.set_kind(v1::RepositoryRequest::APPLY);
    grpc::ClientContext context;
    return control_->Repository(&context, request, response);
  }
  using Stream = grpc::ClientReaderWriter<v1::FromExecutor, v1::ToExecutor>;
  std::unique_ptr<Stream> Attach(grpc::ClientContext* context) {
    auto stream = executors_->Attach(context);
    v1::FromExecutor hello;
    v1::Register* info = hello.mutable_register_();
    info->set_protocol_version(kExecutorProtocolVersion);
    info->set_executor_id("ex1");
    info->set_runtime("mock");
    info->set_slots(1);
    info->set_worktrees(true);
    stream->Write(hello);
    core_->WaitFor<core::ExecutorAttached>();
    return stream;
  }
};

TEST_F(RepositoryCalls, TheExecutorThatMadeTheChangeCarriesItOut) {
  const std::string run_id = RunWithAChange();
  grpc::ClientContext context;
  const auto stream = Attach(&context);
  std::thread executor([&] {
    v1::ToExecutor message;
    ASSERT_TRUE(stream->Read(&message));
    const v1::RepositoryCommand& command = message.repository();
    EXPECT_EQ(command.kind(), v1::RepositoryCommand::APPLY);
    EXPECT_EQ(command.repository(), "/repo");
    EXPECT_EQ(command.nodes(0), 2u);
    EXPECT_FALSE(command.worktrees(0).has_diff());
    v1::FromExecutor answer;
    answer.mutable_repository_reply()->set_id(command.id());
    answer.mutable_repository_reply()->set_ok(true);
    answer.mutable_repository_reply()->add_applied_files("a.txt");
    stream->Write(answer);
  });
  v1::RepositoryResponse response;
  const grpc::Status status = Ask(run_id, 0, &response);
  executor.join();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(response.ok());
  EXPECT_EQ(response.files(0), "a.txt");
  stream->WritesDone();
  stream->Finish();
}

TEST_F(RepositoryCalls, WhatCannotBeAskedIsRefusedByName) {
  const std::string run_id = RunWithAChange();
  v1::RepositoryResponse response;
  EXPECT_EQ(Ask(run_id, 7, &response).error_code(), grpc::StatusCode::NOT_FOUND);
  const grpc::Status nobody = Ask(run_id, 2, &response);
  EXPECT_EQ(nobody.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(nobody.error_message().find("no executor serves repositories"), std::string::npos);
}

TEST_F(RepositoryCalls, AnExecutorThatGoesAwayFailsTheCall) {
  const std::string run_id = RunWithAChange();
  grpc::ClientContext context;
  const auto stream = Attach(&context);
  std::thread executor([&] {
    v1::ToExecutor message;
    ASSERT_TRUE(stream->Read(&message));
    stream->WritesDone();
    stream->Finish();
  });
  v1::RepositoryResponse response;
  EXPECT_EQ(Ask(run_id, 2, &response).error_code(), grpc::StatusCode::UNAVAILABLE);
  executor.join();
}

#ifdef ODW_TEST_CLOCK
TEST_F(Commands, TheClockIsTurnedForwardOnly) {
  const auto clock = v1::TestClock::NewStub(channel_);
  v1::AdvanceRequest request;
  v1::AdvanceResponse response;
  request.set_by_ms(1500);
  {
    grpc::ClientContext context;
    ASSERT_TRUE(clock->Advance(&context, request, &response).ok());
  }
  EXPECT_EQ(response.now_unix_ms(), 1500);
  request.set_by_ms(-1);
  grpc::ClientContext context;
  EXPECT_EQ(clock->Advance(&context, request, &response).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}
#endif

}  // namespace
}  // namespace odw::rpc
