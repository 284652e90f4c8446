// The verbs that control runs, resume them, check and save scripts, and the original's names: what
// they send, print and exit with, against a fake daemon.
#include <gtest/gtest.h>

#include <filesystem>

#include "client/testing/served_odwctl.h"

namespace odw::client {
namespace {

namespace fs = std::filesystem;
using Verbs = ServedOdwctl;

TEST_F(Verbs, Spec_L4_PauseAndUnpauseNameTheRunAndItsNewCeilings) {
  Serve(PlainRun(v1::PAUSED, 1));
  const OdwctlRun paused = Run({"pause", kRunId, "--reason", "slow today"});
  EXPECT_EQ(paused.exit_code, 0) << paused.err;
  EXPECT_TRUE(Has(paused.out, "paused")) << paused.out;
  EXPECT_TRUE(Has(LastCall(), "reason: \"slow today\"")) << LastCall();
  EXPECT_EQ(Run({"unpause", kRunId, "--max-tokens", "1.5M", "--max-cost", "20usd"}).exit_code, 0);
  EXPECT_TRUE(Has(LastCall(), "tokens_max: 1500000 cost_micros_max: 20000000")) << LastCall();
}

TEST_F(Verbs, Spec_L5_SkipAndRestartTakeANodeAsItIsShown) {
  Serve(PlainRun(v1::RUNNING, 1));
  const OdwctlRun skipped = Run({"skip", kRunId, "n7"});
  EXPECT_EQ(skipped.exit_code, 0) << skipped.err;
  EXPECT_TRUE(Has(skipped.out, "n7 skipped")) << skipped.out;
  EXPECT_TRUE(Has(LastCall(), "node: 7")) << LastCall();
  EXPECT_EQ(Run({"restart", kRunId, "12"}).exit_code, 0);
  EXPECT_TRUE(Has(LastCall(), "Restart run_id")) << LastCall();
  for (const char* node : {"n", "x7", "0", "n7.2", "-1"}) {
    const OdwctlRun bad = Run({"skip", kRunId, node});
    EXPECT_EQ(bad.exit_code, 2) << node;
    EXPECT_TRUE(Has(bad.err, "next: ")) << bad.err;
  }
}

TEST_F(Verbs, ARefusedControlExitsWithSix) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  fake.control_status = absl::FailedPreconditionError("node n1 has ended");
  Serve(fake);
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"skip", kRunId, "1"},
                                                    {"restart", kRunId, "1"},
                                                    {"pause", kRunId},
                                                    {"unpause", kRunId},
                                                    {"resume", kRunId}}) {
    const OdwctlRun run = Run(arguments);
    EXPECT_EQ(run.exit_code, 6) << arguments[0];
    EXPECT_TRUE(Has(run.err, "node n1 has ended")) << run.err;
  }
}

TEST_F(Verbs, DeleteOfAnOpenRunIsRefusedAtOnce) {
  FakeRun fake = PlainRun(v1::RUNNING, 1);
  fake.control_status = absl::FailedPreconditionError("the run is open");
  Serve(fake);
  EXPECT_EQ(Run({"delete", kRunId}).exit_code, 6);
  EXPECT_EQ(daemon_->calls().size(), 1u);
}

TEST_F(Verbs, ResumeSendsOnlyWhatIsNewAndFollowsTheNewRun) {
  Serve(PlainRun(v1::COMPLETED, 2));
  const OdwctlRun run = Run({"resume", "wf_old", "-q", "--json"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "{\"b\":1,\"a\":[1.50,\"x\"]}\n");
  EXPECT_FALSE(Has(LastCall(), "script:")) << LastCall();
  EXPECT_FALSE(Has(LastCall(), "args_json:")) << LastCall();
  EXPECT_FALSE(Has(LastCall(), "cwd:")) << LastCall();

  const std::string script = Write("flow.js", "new text");
  EXPECT_EQ(Run({"resume", "wf_old", "--script", script, "--args", "{\"a\":1}", "--resume-mode",
                 "prefix", "--rebase", "--detach"})
                .out,
            std::string(kRunId) + "\n");
  EXPECT_TRUE(Has(LastCall(), "script: \"new text\"")) << LastCall();
  EXPECT_TRUE(Has(LastCall(), "mode: RESUME_PREFIX")) << LastCall();
  EXPECT_TRUE(Has(LastCall(), "rebase: true")) << LastCall();
}

TEST_F(Verbs, RerunIsRefusedWhereNothingFailed) {
  Serve(PlainRun(v1::COMPLETED, 2));
  const OdwctlRun nothing = Run({"rerun", kRunId, "--failed"});
  EXPECT_EQ(nothing.exit_code, 6);
  EXPECT_TRUE(Has(nothing.err, "there is nothing to rerun")) << nothing.err;
  EXPECT_TRUE(daemon_->calls().empty());
  EXPECT_EQ(Run({"rerun", kRunId}).exit_code, 2);

  FakeRun failed = PlainRun(v1::COMPLETED, 2);
  failed.run.mutable_nodes()->set_failed(1);
  Serve(failed);
  EXPECT_EQ(Run({"rerun", kRunId, "--failed"}).exit_code, 0);
  EXPECT_TRUE(Has(LastCall(), "Resume run_id")) << LastCall();
}

TEST_F(Verbs, ExplainNamesTheFieldsThatDiffer) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  fake.explain.set_node(3);
  fake.explain.set_from_node(2);
  fake.explain.set_from_run("wf_old");
  fake.explain.set_why("its prompt changed");
  v1::FieldChange* change = fake.explain.add_changes();
  change->set_field("prompt");
  change->set_before("a\x1b[31m");
  change->set_after("b");
  Serve(fake);
  EXPECT_EQ(Run({"explain", kRunId, "n3"}).out,
            "n3 ran; the nearest call is n2 of wf_old\n  its prompt changed\n"
            "  prompt        - a[31m\n                + b\n");
  EXPECT_TRUE(Has(Run({"explain", kRunId, "3", "--json"}).out, "\"from_node\":\"n2\""));
}

TEST_F(Verbs, CheckNamesEveryProblemWithItsPlaceAndMarksTheColumn) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  for (const auto& [line, column, warning] : {std::tuple{2u, 11u, false}, {3u, 1u, true}}) {
    v1::ScriptProblem* problem = fake.check.add_problems();
    problem->set_line(line);
    problem->set_column(column);
    problem->set_message(warning ? "no clock" : "Unexpected token");
    problem->set_warning(warning);
  }
  Serve(fake);
  const std::string script = Write("flow.js", "const a = 1;\nconst b = = 2;\nDate.now();\n");
  const OdwctlRun run = Run({"check", script});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_EQ(run.out,
            "flow.js:2:11: error: Unexpected token\n    const b = = 2;\n              ^\n"
            "flow.js:3:1: warning: no clock\n    Date.now();\n    ^\n");
  EXPECT_TRUE(Has(run.err, "flow.js has 1 problem")) << run.err;
  EXPECT_TRUE(Has(Run({"check", script, "--json"}).out, "\"severity\":\"error\",\"line\":2"));
}

TEST_F(Verbs, CheckOfAGoodScriptSaysItsNameAndDialect) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  fake.check.set_ok(true);
  fake.check.set_name("review");
  fake.check.set_dialect(v1::BUILTIN);
  Serve(fake);
  const OdwctlRun run = Run({"check", Write("flow.js", "x")});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, "flow.js: ok: review (builtin dialect)\n");
}

TEST_F(Verbs, Spec_A1_ANameThatIsNoFileIsASavedWorkflow) {
  Serve(PlainRun(v1::COMPLETED, 1));
  EXPECT_EQ(Run({"exec", "review-changes", "-q"}).exit_code, 0);
  EXPECT_EQ(daemon_->submits().back().workflow(), "review-changes");
  EXPECT_TRUE(daemon_->submits().back().script().empty());
  EXPECT_EQ(Run({"exec", "no/such.js"}).exit_code, 2);
  EXPECT_EQ(Run({"exec", "nosuch.js"}).exit_code, 2);
}

TEST_F(Verbs, OptionsOfARunTravelWithIt) {
  Serve(PlainRun(v1::COMPLETED, 1));
  EXPECT_EQ(
      Run({"submit", "-", "--strict-agent-types", "--permission", "read-only", "--network", "no",
           "--max-tokens", "500k", "--max-cost", "0.5 cny", "--fallback", "claude/sonnet,codex/x",
           "--include-dirty", "--schema-tries", "3", "--runtime", "codex"})
          .exit_code,
      0);
  const v1::RunOptions sent = daemon_->submits().back().options();
  EXPECT_TRUE(sent.strict_agent_types());
  EXPECT_TRUE(sent.include_dirty());
  EXPECT_EQ(sent.permission(), "read-only");
  EXPECT_EQ(sent.network(), "no");
  EXPECT_EQ(sent.tokens_max(), 500000u);
  EXPECT_EQ(sent.cost_micros_max(), 500000);
  EXPECT_EQ(sent.cost_currency(), "CNY");
  EXPECT_EQ(sent.fallback_size(), 2);
  EXPECT_EQ(sent.schema_tries_max(), 3u);
  EXPECT_EQ(sent.default_runtime(), "codex");
  for (const char* cost : {"5", "USD", "-5USD", "5 dollars", "0USD", "nanUSD"}) {
    EXPECT_EQ(Run({"submit", "-", "--max-cost", cost}).exit_code, 2) << cost;
  }
}

TEST_F(Verbs, Spec_O27_BackendsAreTheMockForAllOrTheRealRuntimes) {
  Serve(PlainRun(v1::COMPLETED, 1));
  Run({"submit", "-", "--backend", "mock"});
  EXPECT_EQ(daemon_->submits().back().options().forced_runtime(), "mock");
  Run({"submit", "-", "--backend", "pandacode"});
  EXPECT_EQ(daemon_->submits().back().options().forced_runtime(), "");
  EXPECT_EQ(daemon_->submits().back().options().default_runtime(), "claude");
  Run({"submit", "-", "--backend", "bamboo"});
  EXPECT_EQ(daemon_->submits().back().options().default_runtime(), "bamboo");
}

TEST_F(Verbs, Spec_O27_CalledAsOdwItTakesTheOriginalsFlagsAndDialect) {
  Serve(PlainRun(v1::COMPLETED, 1));
  const std::string odw = folder_.path() + "/odw";
  fs::create_symlink(ODWCTL_BINARY, odw);
  const std::string script = Write("flow.js", "x");
  const OdwctlRun run =
      Run({"exec", "--script", script, "--input", "{\"a\":1}", "--backend", "mock", "--json", "-q"},
          {.binary = odw});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  const v1::SubmitRequest sent = daemon_->submits().back();
  EXPECT_EQ(sent.args_json(), "{\"a\":1}");
  EXPECT_EQ(sent.dialect(), v1::ODW);
  EXPECT_EQ(
      Run({"exec", "--script", script, "--resume", "wf_old", "-q"}, {.binary = odw}).exit_code, 0);
  EXPECT_TRUE(Has(LastCall(), "Resume run_id: \"wf_old\"")) << LastCall();
  EXPECT_TRUE(Has(Run({"runs", "list"}, {.binary = odw}).out, "sample"));
  EXPECT_TRUE(Has(Run({"runs", "show", "latest"}, {.binary = odw}).out, kRunId));
  EXPECT_TRUE(Has(Run({"--help"}, {.binary = odw}).out, "Usage: odw "));
}

TEST_F(Verbs, AResultThatSaysNotOkIsPrintedAndExitsWithThree) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  fake.run.set_dialect(v1::ODW);
  fake.value_json = "{\"ok\":false,\"why\":\"one is left\"}";
  Serve(fake);
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"result", kRunId}, {"result", kRunId, "--wait"}, {"exec", "-", "-q"}}) {
    const OdwctlRun text = Run(arguments);
    EXPECT_EQ(text.exit_code, 3) << arguments[0];
    EXPECT_TRUE(Has(text.out, "one is left")) << text.out;
    EXPECT_FALSE(Has(text.err, "--strict-ok")) << text.err;
    std::vector<std::string> json = arguments;
    json.push_back("--json");
    EXPECT_EQ(Run(json).out, fake.value_json + "\n");
  }
}

TEST_F(Verbs, Spec_O28_EventsComeUnderTheOriginalsNamesWithTheResultLast) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  v1::WatchEvent line;
  line.set_number(4);
  line.mutable_log()->set_text("checkpoint half: {\"done\":5}");
  fake.events.insert(fake.events.begin() + 1, line);
  Serve(fake);
  const OdwctlRun run = Run({"exec", "-", "--events", "odw"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  size_t at = 0;
  for (const char* part : {"{\"type\":\"workflow_start\"",
                           "{\"type\":\"checkpoint\",\"ts_ms\":0,\"name\":\"half\","
                           "\"value\":{\"done\":5}}",
                           "{\"type\":\"agent_start\"", "\"label\":\"label 1\"",
                           "{\"type\":\"agent_done\"", "\"ok\":true", "{\"type\":\"workflow_done\"",
                           "\"result\":{\"b\":1,\"a\":[1.50,\"x\"]}}\n"}) {
    const size_t found = run.out.find(part, at);
    ASSERT_NE(found, std::string::npos) << part << " in " << run.out;
    at = found;
  }
  EXPECT_TRUE(Has(Run({"exec", "-", "--events", "odwd"}).out, "\"run_started\""));
}

TEST_F(Verbs, GuideSpecContractAndCapabilitiesNeedNoDaemon) {
  for (const auto& [verb, part] : {std::pair{"guide", "# Writing a workflow"},
                                   {"spec", "declare function agent("},
                                   {"contract", "# The contract of a node"},
                                   {"capabilities", "\"resume_modes\""}}) {
    const OdwctlRun run = RunOdwctl({verb}, {.env = {"ODW_DAEMON=unix:/nonexistent"}});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_TRUE(Has(run.out, part)) << run.out.substr(0, 200);
  }
  const OdwctlRun run =
      RunOdwctl({"capabilities", "--json"}, {.env = {"ODW_DAEMON=unix:/nonexistent"}});
  EXPECT_TRUE(Has(run.out, "\"workflows save\"")) << run.out;
}

TEST_F(Verbs, WorkflowsAreListedAndAnUnknownOneIsNamed) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  v1::SavedWorkflow* workflow = fake.workflows.add_workflows();
  workflow->set_name("review");
  workflow->set_place("project");
  workflow->set_path(Write("review.js", "the script"));
  v1::SavedWorkflow* bad = fake.workflows.add_workflows();
  bad->set_path(Write("bad.js", "x"));
  bad->set_problem("meta is bad");
  Serve(fake);
  EXPECT_TRUE(Has(Run({"workflows", "list"}).out, "review"));
  EXPECT_EQ(Run({"workflows", "show", "review"}).out, "the script");
  // What nothing could name is left out, and told of where it is asked for (SPEC M3).
  const OdwctlRun listed = Run({"workflows", "list"});
  EXPECT_FALSE(Has(listed.out, "bad.js")) << listed.out;
  EXPECT_TRUE(Has(listed.err, "1 file is left out")) << listed.err;
  EXPECT_FALSE(Has(Run({"workflows", "list", "--json"}).out, "problem"));
  EXPECT_TRUE(Has(Run({"workflows", "list", "--all"}).out, "bad.js")) << listed.out;
  EXPECT_TRUE(Has(Run({"workflows", "list", "--all", "--json"}).out, "meta is bad"));
  const OdwctlRun unknown = Run({"workflows", "show", "rewiev"});
  EXPECT_EQ(unknown.exit_code, 5);
  EXPECT_TRUE(Has(unknown.err, "There are: review")) << unknown.err;
  const OdwctlRun removed = Run({"workflows", "remove", "review"});
  EXPECT_EQ(removed.exit_code, 6);  // it lies in no folder of saved workflows
  EXPECT_TRUE(fs::exists(folder_.path() + "/review.js"));
}

TEST_F(Verbs, Spec_M4_SaveWritesIntoTheProjectAndThroughNoLink) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  fake.check.set_ok(true);
  fake.check.set_name("Review: the API");
  fake.source.set_script("of the run");
  Serve(fake);
  const std::string project = folder_.path() + "/project";
  fs::create_directory(project);
  const std::string script = Write("flow.js", "one");
  const std::string saved = project + "/.odw/workflows/review-the-api.js";
  const OdwctlRun run = Run({"workflows", "save", script, "--cwd", project});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(ReadFile(saved, 100).value_or(""), "one");

  // Another content needs --force; a run's script is found by its id.
  EXPECT_EQ(Run({"workflows", "save", kRunId, "--cwd", project}).exit_code, 6);
  EXPECT_EQ(Run({"workflows", "save", kRunId, "--cwd", project, "--force"}).exit_code, 0);
  EXPECT_EQ(ReadFile(saved, 100).value_or(""), "of the run");

  // A link as the target, then as the folder.
  const std::string outside = Write("outside.js", "untouched");
  fs::remove(saved);
  fs::create_symlink(outside, saved);
  EXPECT_EQ(Run({"workflows", "save", script, "--cwd", project, "--force"}).exit_code, 6);
  fs::create_directory_symlink(folder_.path(), project + "/.claude");
  const OdwctlRun linked = Run({"workflows", "save", script, "--cwd", project, "--claude"});
  EXPECT_EQ(linked.exit_code, 6);
  EXPECT_TRUE(Has(linked.err, "symbolic link")) << linked.err;
  EXPECT_EQ(ReadFile(outside, 100).value_or(""), "untouched");
  EXPECT_FALSE(fs::exists(folder_.path() + "/workflows"));
}

TEST_F(Verbs, SaveRefusesAScriptThatWouldNotRun) {
  FakeRun fake = PlainRun(v1::COMPLETED, 1);
  fake.check.add_problems()->set_message("no meta");
  Serve(fake);
  const std::string project = folder_.path() + "/project";
  fs::create_directory(project);
  const OdwctlRun run = Run({"workflows", "save", Write("flow.js", "x"), "--cwd", project});
  EXPECT_EQ(run.exit_code, 2);
  EXPECT_TRUE(Has(run.err, "no meta")) << run.err;
  EXPECT_FALSE(fs::exists(project + "/.odw"));
}

TEST_F(Verbs, PlanRunsOnTheMockAndPrintsRanges) {
  FakeRun fake = PlainRun(v1::COMPLETED, 0);
  for (int i = 0; i < 3; ++i) {
    v1::Node* node = fake.run.add_node();
    node->set_ordinal(static_cast<uint64_t>(i + 1));
    node->set_phase("Review");
    node->set_label("review");
    node->set_runtime("mock");
    node->set_scope("p1[" + std::to_string(i) + "]");
    node->set_provider(i < 2 ? "" : "kimi");
    node->set_isolation(i < 2 ? "worktree" : "");
    node->mutable_prompt()->set_size(9000);
    v1::WatchEvent called;
    called.set_number(4 + static_cast<uint64_t>(i));
    called.mutable_node()->set_ordinal(node->ordinal());
    called.mutable_node()->set_state(v1::NODE_QUEUED);
    called.mutable_node()->set_runtime(i < 2 ? "" : "bamboo");
    called.mutable_node()->set_model(i < 2 ? "opus" : "unheard-of");
    fake.events.insert(fake.events.end() - 1, called);
  }
  fake.events.back().set_number(9);
  fake.run.set_meta_json(R"({"phases":[{"title":"Review"},{"title":"Merge"}]})");
  Serve(fake);
  const OdwctlRun run = Run({"plan", "-", "--runtime", "claude"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(daemon_->submits().back().options().forced_runtime(), "mock");
  EXPECT_TRUE(Has(run.out, "plan of sample: 3 nodes")) << run.out;
  EXPECT_TRUE(Has(run.out, "Review: 3 nodes")) << run.out;
  EXPECT_TRUE(Has(run.out, "2 ×")) << run.out;
  EXPECT_TRUE(Has(run.out, "Merge: 0 nodes")) << run.out;
  EXPECT_TRUE(Has(run.out, "\n  claude opus                              2 nodes")) << run.out;
  EXPECT_TRUE(Has(run.out, "\n  bamboo kimi unheard-of                   1 node ")) << run.out;
  EXPECT_TRUE(Has(run.out, "no price known")) << run.out;
  EXPECT_TRUE(Has(run.out, "worktrees  2 nodes")) << run.out;
  EXPECT_TRUE(Has(run.out, " USD\n")) << run.out;
  EXPECT_TRUE(Has(run.out, "not known for 1 node")) << run.out;

  const std::string prices =
      Write("prices.json", "{\"unheard-of\":{\"currency\":\"EUR\",\"input\":1,\"output\":2}}");
  const OdwctlRun json = Run({"plan", "-", "--prices", prices, "--keep", "--json"});
  EXPECT_TRUE(Has(json.out, "\"unpriced\":0")) << json.out;
  EXPECT_TRUE(Has(json.out, "\"worktrees\":2")) << json.out;
  EXPECT_TRUE(Has(json.out, "{\"title\":\"Merge\",\"nodes\":0}")) << json.out;
  EXPECT_TRUE(Has(json.out, "{\"runtime\":\"bamboo\",\"provider\":\"kimi\",\"model\":"
                            "\"unheard-of\",\"nodes\":1"))
      << json.out;
  EXPECT_TRUE(Has(json.out, "\"EUR\":{\"low\":")) << json.out;
  EXPECT_EQ(Run({"plan", "-", "--backend", "claude"}).exit_code, 2);
  EXPECT_EQ(Run({"plan", "-", "--prices", Write("bad.json", "{\"m\":{}}")}).exit_code, 2);
}

TEST_F(Verbs, EveryVerbHasHelpWithAnExample) {
  for (const char* verb :
       {"exec",    "submit", "check", "plan",    "pause",    "unpause",     "stop",  "skip",
        "restart", "resume", "rerun", "explain", "diff",     "apply",       "merge", "workflows",
        "delete",  "runs",   "guide", "spec",    "contract", "capabilities"}) {
    const OdwctlRun run = RunOdwctl({verb, "--help"});
    EXPECT_EQ(run.exit_code, 0) << verb;
    EXPECT_TRUE(Has(run.out, std::string("odwctl ") + verb) || Has(run.out, "odw ")) << run.out;
  }
}

}  // namespace
}  // namespace odw::client
