#include <sys/stat.h>

#include <set>
#include <thread>

#include "daemon/base/fd.h"
#include "daemon/rpc/rpc_test_env.h"

namespace odw::rpc {
namespace {

using Control = RpcTest;

TEST_F(Control, SubmitIsDurableWhenItAnswers) {
  const std::string run_id = Submit();
  EXPECT_TRUE(IsRunId(run_id));
  EXPECT_EQ(journal_->ReadSummary(run_id)->name(), "survey");
  EXPECT_EQ(loader_.last.source(), "return 1");
}

TEST_F(Control, SubmitPinsTheSettingsOfTheRequestAndTheDaemon) {
  v1::script::LoadReply reply = *loader_.reply;
  reply.set_meta_json(R"({"phases":[{"title":"scan","model":"small"},{"title":"join"},"x"]})");
  loader_.reply = reply;
  grpc::ClientContext context;
  v1::SubmitRequest request;
  v1::SubmitResponse response;
  request.set_script("return 1");
  request.mutable_options()->set_concurrency(99);
  request.mutable_options()->set_budget_tokens(5000);
  ASSERT_TRUE(control_->Submit(&context, request, &response).ok());
  const v1::RunSubmitted header = core_->WaitFor<core::Submit>().header;
  EXPECT_EQ(header.settings().concurrency(), 99u);
  EXPECT_EQ(header.settings().agents_max(), 1000u);
  EXPECT_EQ(header.settings().default_runtime(), "mock");
  EXPECT_EQ(header.settings().budget_total(), 5000);
  EXPECT_EQ(header.settings().return_grace_ms(), 2000u);
  ASSERT_EQ(header.settings().phase_models_size(), 1);
  EXPECT_EQ(header.settings().phase_models(0).model(), "small");
}

TEST_F(Control, SubmitWithTheSameKeyReturnsTheFirstRun) {
  const std::string first = Submit("nightly");
  EXPECT_EQ(Submit("nightly"), first);
  EXPECT_NE(Submit("other"), first);
}

TEST_F(Control, ABadScriptIsToldWithItsPlace) {
  v1::script::LoadReply reply;
  v1::script::Problem* problem = reply.add_problems();
  problem->set_line(3);
  problem->set_column(7);
  problem->set_message("Unexpected token");
  problem->set_source_line("const = 1");
  loader_.reply = reply;
  grpc::ClientContext context;
  v1::SubmitRequest request;
  v1::SubmitResponse response;
  request.set_script("const = 1");
  request.set_script_name("flow.js");
  const grpc::Status status = control_->Submit(&context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "flow.js:3:7: Unexpected token\n  const = 1");
}

struct BadSubmit {
  const char* name;
  std::function<void(v1::SubmitRequest*)> spoil;
  grpc::StatusCode code;
  const char* says;
};

TEST_F(Control, SubmitRefusesWhatIsWrongOrTooMuch) {
  const std::vector<BadSubmit> cases = {
      {"empty", [](auto* r) { r->clear_script(); }, grpc::StatusCode::INVALID_ARGUMENT, "empty"},
      {"utf8", [](auto* r) { r->set_script("a\xff"); }, grpc::StatusCode::INVALID_ARGUMENT,
       "line 1, column 2"},
      {"utf16", [](auto* r) { r->set_script(std::string("\xff\xfe""a\0", 4)); },
       grpc::StatusCode::INVALID_ARGUMENT, "UTF-16; save the file as UTF-8"},
      {"overlong", [](auto* r) { r->set_script("\xc0\xaf"); }, grpc::StatusCode::INVALID_ARGUMENT,
       "UTF-8"},
      {"surrogate", [](auto* r) { r->set_script("\xed\xa0\x80"); },
       grpc::StatusCode::INVALID_ARGUMENT, "UTF-8"},
      {"cut", [](auto* r) { r->set_script("\xe2\x82"); }, grpc::StatusCode::INVALID_ARGUMENT,
       "UTF-8"},
      {"long", [](auto* r) { r->set_script(std::string(600000, 'x')); },
       grpc::StatusCode::RESOURCE_EXHAUSTED, "524288 (limits.script_chars_max)"},
      {"args", [](auto* r) { r->set_args_json("{"); }, grpc::StatusCode::INVALID_ARGUMENT,
       "args is not JSON"},
      {"big args", [](auto* r) { r->set_args_json("\"" + std::string(17u << 20, 'x') + "\""); },
       grpc::StatusCode::RESOURCE_EXHAUSTED, "limits.args_bytes_max"},
      {"key", [](auto* r) { r->set_idempotency_key(std::string(129, 'k')); },
       grpc::StatusCode::INVALID_ARGUMENT, "128"},
      {"cwd", [](auto* r) { r->mutable_options()->set_cwd("here"); },
       grpc::StatusCode::INVALID_ARGUMENT, "absolute"},
      {"agents", [](auto* r) { r->mutable_options()->set_agents_max(2000000); },
       grpc::StatusCode::RESOURCE_EXHAUSTED, "1000000"},
      {"budget", [](auto* r) { r->mutable_options()->set_budget_tokens(-1); },
       grpc::StatusCode::INVALID_ARGUMENT, "budget_tokens"},
  };
  for (const BadSubmit& bad : cases) {
    grpc::ClientContext context;
    v1::SubmitRequest request;
    v1::SubmitResponse response;
    request.set_script("return 1");
    bad.spoil(&request);
    const grpc::Status status = control_->Submit(&context, request, &response);
    EXPECT_EQ(status.error_code(), bad.code) << bad.name;
    EXPECT_NE(status.error_message().find(bad.says), std::string::npos) << status.error_message();
  }
}

TEST_F(Control, AKeyOf128CharactersMayHaveMoreBytes) {
  std::string key;
  for (int i = 0; i < 128; ++i) key += "\xc3\xa9";
  EXPECT_TRUE(IsRunId(Submit(key)));
}

TEST_F(Control, AFullCoreRefusesAndQueuesNothing) {
  core_->full = true;
  grpc::ClientContext context;
  v1::SubmitRequest request;
  v1::SubmitResponse response;
  request.set_script("return 1");
  EXPECT_EQ(control_->Submit(&context, request, &response).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(Control, GetRunFoldsNodesOnRequest) {
  const std::string run_id = Submit();
  v1::Event called;
  called.mutable_called()->set_ordinal(1);
  called.mutable_called()->mutable_request()->set_label("one");
  core_->Commit(run_id, {called});
  grpc::ClientContext context;
  v1::GetRunRequest request;
  v1::Run run;
  request.set_run_id(run_id);
  request.set_with_nodes(true);
  ASSERT_TRUE(control_->GetRun(&context, request, &run).ok());
  ASSERT_EQ(run.node_size(), 1);
  EXPECT_EQ(run.node(0).label(), "one");
}

TEST_F(Control, UnknownAndMalformedRunsAreToldApart) {
  for (const auto& [id, code] : std::vector<std::pair<std::string, grpc::StatusCode>>{
           {"wf_00000000", grpc::StatusCode::NOT_FOUND},
           {"../x", grpc::StatusCode::INVALID_ARGUMENT}}) {
    grpc::ClientContext context;
    v1::GetRunRequest request;
    v1::Run run;
    request.set_run_id(id);
    EXPECT_EQ(control_->GetRun(&context, request, &run).error_code(), code);
    grpc::ClientContext result_context;
    v1::GetResultRequest wait;
    wait.set_run_id(id);
    wait.set_wait(true);
    v1::GetResultResponse result;
    EXPECT_EQ(control_->GetResult(&result_context, wait, &result).error_code(), code);
    grpc::ClientContext watch_context;
    v1::WatchRequest watch;
    watch.set_run_id(id);
    auto stream = control_->Watch(&watch_context, watch);
    v1::WatchEvent event;
    EXPECT_FALSE(stream->Read(&event));
    EXPECT_EQ(stream->Finish().error_code(), code);
  }
}

TEST_F(Control, ARunOfAnotherOwnerIsNotFound) {
  core_->next_summary.set_owner("somebody else");
  core_->Commit("wf_11111111", {});
  grpc::ClientContext context;
  v1::GetRunRequest request;
  v1::Run run;
  request.set_run_id("wf_11111111");
  EXPECT_EQ(control_->GetRun(&context, request, &run).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(Control, ListPagesFromTheNewest) {
  std::vector<std::string> submitted;
  for (int i = 0; i < 5; ++i) submitted.push_back(Submit());
  std::vector<std::string> listed;
  std::string before;
  do {
    grpc::ClientContext context;
    v1::ListRunsRequest request;
    v1::ListRunsResponse response;
    request.set_limit(2);
    request.set_before(before);
    ASSERT_TRUE(control_->ListRuns(&context, request, &response).ok());
    for (const v1::Run& run : response.runs()) listed.push_back(run.run_id());
    before = response.next_before();
  } while (!before.empty());
  EXPECT_EQ(listed, std::vector<std::string>(submitted.rbegin(), submitted.rend()));
}

TEST_F(Control, ResultOfAnOpenRunIsRefusedWithoutWait) {
  grpc::ClientContext context;
  v1::GetResultRequest request;
  v1::GetResultResponse response;
  request.set_run_id(Submit());
  EXPECT_EQ(control_->GetResult(&context, request, &response).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(Control, WaitersGetTheResultWhenTheRunEnds) {
  const std::string run_id = Submit();
  std::vector<std::thread> threads;
  std::atomic<int> answered{0};
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      grpc::ClientContext context;
      v1::GetResultRequest request;
      v1::GetResultResponse response;
      request.set_run_id(run_id);
      request.set_wait(true);
      const grpc::Status status = control_->GetResult(&context, request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_EQ(response.value_json(), "[1,2]");
      EXPECT_EQ(response.run().state(), v1::COMPLETED);
      ++answered;
    });
  }
  while (server_->activity().active_calls < 4) std::this_thread::yield();
  core_->result.set_inline_("[1,2]");
  core_->CommitEnd(run_id);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, 4);
}

TEST_F(Control, ALargeResultComesWhole) {
  const std::string run_id = Submit();
  const std::string value = "\"" + std::string(40u << 20, 'r') + "\"";
  core_->result.set_sha256("digest");
  core_->blobs = {
      {.run_id = run_id, .sha256 = "digest", .bytes = std::make_shared<std::string>(value)}};
  core_->CommitEnd(run_id);
  grpc::ClientContext context;
  v1::GetResultRequest request;
  v1::GetResultResponse response;
  request.set_run_id(run_id);
  request.set_wait(true);
  const grpc::Status status = control_->GetResult(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.value_json(), value);
}

TEST_F(Control, AWaiterThatGoesAwayIsForgotten) {
  const std::string run_id = Submit();
  grpc::ClientContext context;
  std::thread waiter([&] {
    v1::GetResultRequest request;
    v1::GetResultResponse response;
    request.set_run_id(run_id);
    request.set_wait(true);
    EXPECT_EQ(control_->GetResult(&context, request, &response).error_code(),
              grpc::StatusCode::CANCELLED);
  });
  while (server_->activity().active_calls < 1) std::this_thread::yield();
  context.TryCancel();
  waiter.join();
  while (server_->activity().active_calls > 0) std::this_thread::yield();
  core_->CommitEnd(run_id);
}

TEST_F(Control, StopAnswersWithTheStoppedRun) {
  const std::string run_id = Submit();
  for (const auto code : {grpc::StatusCode::OK, grpc::StatusCode::FAILED_PRECONDITION}) {
    grpc::ClientContext context;
    v1::StopRequest request;
    v1::StopResponse response;
    request.set_run_id(run_id);
    EXPECT_EQ(control_->Stop(&context, request, &response).error_code(), code);
    EXPECT_EQ(response.run().state() == v1::KILLED, code == grpc::StatusCode::OK);
  }
}

TEST_F(Control, TheReportComesInChunks) {
  grpc::ClientContext context;
  v1::ReportRequest request;
  request.set_run_id(Submit());
  auto stream = control_->Report(&context, request);
  v1::ReportChunk chunk;
  std::string page;
  int chunks = 0;
  for (; stream->Read(&chunk); ++chunks) page += chunk.html();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_GT(chunks, 1);
  EXPECT_EQ(page.size(), kReportSize + request.run_id().size() + 13);
}

TEST_F(Control, AFailedJournalAnswersEveryCallAndInfoTellsIt) {
  const std::string run_id = Submit();
  std::thread waiter([&] {
    grpc::ClientContext context;
    v1::GetResultRequest request;
    v1::GetResultResponse response;
    request.set_run_id(run_id);
    request.set_wait(true);
    EXPECT_EQ(control_->GetResult(&context, request, &response).error_code(),
              grpc::StatusCode::UNAVAILABLE);
  });
  while (server_->activity().active_calls < 1) std::this_thread::yield();
  server_->outbox()->FailAll(absl::ResourceExhaustedError("No space left on device"));
  waiter.join();
  grpc::ClientContext context;
  v1::GetRunRequest request;
  v1::Run run;
  request.set_run_id(run_id);
  const grpc::Status status = control_->GetRun(&context, request, &run);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_NE(status.error_message().find("No space left"), std::string::npos);
  grpc::ClientContext info_context;
  v1::Info info;
  ASSERT_TRUE(control_->GetInfo(&info_context, {}, &info).ok());
  EXPECT_EQ(info.journal_error(), "No space left on device");
  EXPECT_EQ(info.open_runs(), 7u);
}

TEST_F(Control, AReplyThatNeverCameIsAnsweredAtShutdown) {
  core_->silent = true;
  std::thread submitter([&] {
    grpc::ClientContext context;
    v1::SubmitRequest request;
    v1::SubmitResponse response;
    request.set_script("return 1");
    EXPECT_EQ(v1::Control::NewStub(channel_)->Submit(&context, request, &response).error_code(),
              grpc::StatusCode::UNAVAILABLE);
  });
  core_->WaitFor<core::Submit>();
  server_->Shutdown(absl::Seconds(5));
  submitter.join();
  server_.reset();
}

}  // namespace
}  // namespace odw::rpc
