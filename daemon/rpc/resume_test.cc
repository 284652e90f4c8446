// Submit by name, options, secrets, and Resume.
#include "daemon/rpc/rpc_test_env.h"
#include "daemon/rpc/submit.h"

namespace odw::rpc {
namespace {

class Submits : public RpcTest {
 protected:
  grpc::Status Send(const v1::SubmitRequest& request) {
    grpc::ClientContext context;
    submitted_.Clear();
    return control_->Submit(&context, request, &submitted_);
  }
  grpc::Status Resume(const v1::ResumeRequest& request) {
    grpc::ClientContext context;
    resumed_.Clear();
    return control_->Resume(&context, request, &resumed_);
  }
  // An ended run of "return args" with args [1], and options.
  std::string EndedRun() {
    v1::SubmitRequest request;
    request.set_script("return args");
    request.set_script_path("/home/kim/flow.js");
    request.set_args_json("[1]");
    request.mutable_options()->set_cwd("/repo");
    request.mutable_options()->set_concurrency(3);
    request.mutable_options()->set_budget_tokens(500);
    EXPECT_TRUE(Send(request).ok());
    core_->CommitEnd(submitted_.run_id(), v1::NEEDS_ATTENTION);
    return submitted_.run_id();
  }
  v1::SubmitResponse submitted_, resumed_;
};

TEST_F(Submits, ASavedWorkflowIsSubmittedByItsName) {
  v1::SubmitRequest request;
  request.set_workflow("saved");
  request.mutable_options()->set_cwd("/repo");
  ASSERT_TRUE(Send(request).ok());
  const core::Submit submit = core_->WaitFor<core::Submit>();
  EXPECT_EQ(submit.source, "return 'saved'");
  EXPECT_EQ(submit.header.workflow_name(), "saved");
  EXPECT_EQ(submit.header.script_path(), "/repo/flows/saved.js");
  EXPECT_EQ(submit.header.script_name(), "saved.js");
  request.set_workflow("other");
  EXPECT_EQ(Send(request).error_code(), grpc::StatusCode::NOT_FOUND);
  request.set_script("return 1");
  EXPECT_EQ(Send(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(Submits, WhatSurroundsTheRunIsInItsHeader) {
  v1::SubmitRequest request;
  request.set_script("return 1");
  request.mutable_options()->set_cwd("/repo");
  ASSERT_TRUE(Send(request).ok());
  const v1::RunSubmitted header = core_->WaitFor<core::Submit>().header;
  EXPECT_EQ(header.agents(0).name(), "reviewer");
  EXPECT_EQ(header.base_commit(), "c0ffee");
  EXPECT_EQ(submitted_.warnings(0), "bad.md is left out");
}

TEST_F(Submits, EveryOptionIsPinnedInTheSettings) {
  v1::SubmitRequest request;
  request.set_script("return 1");
  v1::RunOptions* options = request.mutable_options();
  options->set_forced_runtime("mock");
  options->set_strict_agent_types(true);
  options->set_permission("read-only");
  options->set_network("no");
  options->add_fallback("codex:openai/m");
  options->set_tokens_max(9);
  options->set_cost_micros_max(8);
  options->set_include_dirty(true);
  options->set_schema_tries_max(2);
  ASSERT_TRUE(Send(request).ok());
  const v1::RunSettings settings = core_->WaitFor<core::Submit>().header.settings();
  EXPECT_EQ(settings.forced_runtime(), "mock");
  EXPECT_TRUE(settings.strict_agent_types());
  EXPECT_EQ(settings.permission(), "read-only");
  EXPECT_EQ(settings.network(), "no");
  EXPECT_EQ(settings.fallback(0), "codex:openai/m");
  EXPECT_EQ(settings.tokens_max(), 9u);
  EXPECT_EQ(settings.cost_micros_max(), 8);
  EXPECT_EQ(settings.cost_currency(), "USD");
  EXPECT_TRUE(settings.include_dirty());
  EXPECT_EQ(settings.schema_tries_max(), 2u);
  EXPECT_EQ(settings.stall_ms(), 180000u);
  EXPECT_EQ(settings.stall_tries_max(), 6u);
}

TEST_F(Submits, OptionsThatAreWrongAreToldWithTheirChoices) {
  const std::pair<const char*, std::function<void(v1::RunOptions*)>> cases[] = {
      {"read-only, workspace-write, full", [](auto* o) { o->set_permission("root"); }},
      {"yes, no", [](auto* o) { o->set_network("maybe"); }},
      {"runtime/model", [](auto* o) { o->add_fallback("opus"); }},
      {"runtime/model", [](auto* o) { o->add_fallback("claude:/opus"); }},
      {"ISO 4217", [](auto* o) { o->set_cost_currency("dollars"); }},
      {"negative", [](auto* o) { o->set_cost_micros_max(-1); }},
  };
  for (const auto& [says, spoil] : cases) {
    v1::SubmitRequest request;
    request.set_script("return 1");
    spoil(request.mutable_options());
    const grpc::Status status = Send(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_NE(status.error_message().find(says), std::string::npos) << status.error_message();
  }
}

TEST_F(Submits, Spec_O8_TheOdwDialectTakesItsBudgetFromArgs) {
  v1::SubmitRequest request;
  request.set_script("return 1");
  request.set_args_json(R"({"budget":{"total":7000}})");
  ASSERT_TRUE(Send(request).ok());
  EXPECT_FALSE(core_->WaitFor<core::Submit>(1).header.settings().has_budget_total());
  loader_.reply->set_dialect(v1::ODW);
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(core_->WaitFor<core::Submit>(2).header.settings().budget_total(), 7000);
  request.mutable_options()->set_budget_tokens(10);
  ASSERT_TRUE(Send(request).ok());
  EXPECT_EQ(core_->WaitFor<core::Submit>(3).header.settings().budget_total(), 10);
  EXPECT_EQ(BudgetOfArgs(R"({"budget":{"total":"7"}})"), 0);
  EXPECT_EQ(BudgetOfArgs(R"({"budget":{"total":-7}})"), 0);
  EXPECT_EQ(BudgetOfArgs(R"(["budget"])"), 0);
}

TEST_F(Submits, WhatLooksLikeAKeyIsRefusedWithItsPlaceAndNotRepeated) {
  const std::string key = "sk-ant-" + std::string("a1B2c3D4e5F6g7H8i9J0");
  v1::SubmitRequest request;
  request.set_script("let a\nlet k = '" + key + "'");
  request.set_script_name("flow.js");
  const grpc::Status status = Send(request);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(status.error_message().find("flow.js:2:10: this looks like"), std::string::npos)
      << status.error_message();
  EXPECT_EQ(status.error_message().find(key), std::string::npos);
  request.set_script("let k = '" + key + "' // odw:allow-secret");
  EXPECT_TRUE(Send(request).ok());
  request.set_args_json("{\"key\":\"" + key + "\"}");
  EXPECT_NE(Send(request).error_message().find("args:1:9"), std::string::npos);
}

TEST_F(Submits, SecretsMayBeAllowed) {
  StopServer();
  secrets_ = config::SecretsRule::kAllow;
  StartServer({"unix:" + folder_ + "/odwd.sock"});
  v1::SubmitRequest request;
  request.set_script("let k = 'sk-ant-" + std::string("a1B2c3D4e5F6g7H8i9J0'"));
  EXPECT_TRUE(Send(request).ok());
}

TEST_F(Submits, Spec_K3_I4_AResumedRunTakesWhatTheRequestLeavesOut) {
  const std::string old = EndedRun();
  registry_.base_commit = "newer";
  v1::ResumeRequest request;
  request.set_run_id(old);
  ASSERT_TRUE(Resume(request).ok());
  EXPECT_NE(resumed_.run_id(), old);
  const core::Submit submit = core_->WaitFor<core::Submit>(2);
  EXPECT_EQ(submit.header.resumed_from(), old);
  EXPECT_EQ(submit.source, "return args");
  EXPECT_EQ(submit.args_json, "[1]");
  EXPECT_EQ(submit.header.script_path(), "/home/kim/flow.js");
  EXPECT_EQ(submit.header.settings().concurrency(), 3u);
  EXPECT_EQ(submit.header.settings().budget_total(), 500);
  EXPECT_EQ(submit.header.settings().cwd(), "/repo");
  EXPECT_EQ(submit.header.base_commit(), "c0ffee");  // the old run's
  ASSERT_NE(submit.reusable, nullptr);
  EXPECT_EQ(submit.reusable->run_id, old);
}

TEST_F(Submits, Spec_K3_WhatTheRequestNamesWins) {
  v1::ResumeRequest request;
  request.set_run_id(EndedRun());
  request.set_script("return 2");
  request.set_args_json("null");
  request.mutable_options()->set_concurrency(9);
  request.set_mode(v1::RESUME_PREFIX);
  request.set_rebase(true);
  registry_.base_commit = "newer";
  ASSERT_TRUE(Resume(request).ok());
  const core::Submit submit = core_->WaitFor<core::Submit>(2);
  EXPECT_EQ(submit.source, "return 2");
  EXPECT_EQ(submit.args_json, "null");
  EXPECT_EQ(submit.header.settings().concurrency(), 9u);
  EXPECT_EQ(submit.header.resume_mode(), v1::RESUME_PREFIX);
  EXPECT_EQ(submit.header.base_commit(), "newer");
  EXPECT_EQ(resumed_.warnings(1), "--rebase: HEAD is newer, and " + request.run_id() +
                                      " began with c0ffee: 0 nodes that rest on the files run again "
                                      "(0 tokens then)");
}

TEST_F(Submits, ARebaseOntoTheSameHeadSaysThatItCostsNothing) {
  v1::ResumeRequest request;
  request.set_run_id(EndedRun());
  request.set_rebase(true);
  ASSERT_TRUE(Resume(request).ok());
  EXPECT_EQ(resumed_.warnings(1), "--rebase: HEAD is c0ffee, as it was for " + request.run_id() +
                                      ": it costs nothing");
}

TEST_F(Submits, Spec_K10_A3_WhatCannotBeResumedIsRefused) {
  v1::ResumeRequest request;
  request.set_run_id(Submit());
  const grpc::Status running = Resume(request);
  EXPECT_EQ(running.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(running.error_message().find("is still running: stop it first"), std::string::npos);
  request.set_run_id("wf_nobody-knows");
  EXPECT_EQ(Resume(request).error_code(), grpc::StatusCode::NOT_FOUND);
  request.set_run_id("run 7");
  EXPECT_EQ(Resume(request).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(Submits, TheSameKeyNamesTheSameResumption) {
  v1::ResumeRequest request;
  request.set_run_id(EndedRun());
  request.set_idempotency_key("again");
  ASSERT_TRUE(Resume(request).ok());
  const std::string first = resumed_.run_id();
  ASSERT_TRUE(Resume(request).ok());
  EXPECT_EQ(resumed_.run_id(), first);
  EXPECT_TRUE(resumed_.existing());
}

}  // namespace
}  // namespace odw::rpc
