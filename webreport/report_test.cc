// The report's data, and that nothing in it can leave its <script> element.
#include "webreport/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace odw::webreport {
namespace {

constexpr int64_t kStart = 1'795'000'000'000;

absl::StatusOr<std::string> NoBlobs(const v1::Blob&) { return absl::NotFoundError("gone"); }

v1::Run OneNodeRun() {
  v1::Run run;
  run.set_run_id("wf_1072dc96-6a2b4f01");
  run.set_name("one");
  run.set_owner("ana");
  run.set_script_name("one.js");
  run.set_state(v1::COMPLETED);
  run.set_health(v1::OK);
  run.set_submitted_unix_ms(kStart);
  run.set_ended_unix_ms(kStart + 50);
  run.mutable_nodes()->set_total(1);
  run.mutable_nodes()->set_done(1);
  run.mutable_result()->set_inline_("42");
  run.mutable_result()->set_size(2);
  v1::Node* node = run.add_node();
  node->set_ordinal(1);
  node->set_state(v1::NODE_DONE);
  node->set_label("greet");
  node->set_runtime("mock");
  node->set_attempts(1);
  node->mutable_prompt()->set_inline_("Say hello");
  node->mutable_prompt()->set_size(9);
  return run;
}

nlohmann::json DataOf(const v1::Run& run, RenderOptions options = {},
                      const BlobReader& blobs = NoBlobs) {
  return nlohmann::json::parse(ReportData(run, blobs, options));
}

TEST(ReportData, IsGolden) {
  EXPECT_EQ(
      ReportData(OneNodeRun(), NoBlobs, {.now_unix_ms = kStart + 99}),
      R"({"format":1,"made_unix_ms":1795000000099,"value_bytes_max":16384,"run":{"id":"wf_1072dc96-6a2b4f01",)"
      R"("name":"one","description":"","owner":"ana","script":"one.js","state":"completed","health":"ok",)"
      R"("submitted":1795000000000,"ended":1795000000050,"counts":{"total":1,"queued":0,"running":0,"done":1,)"
      R"("failed":0,"skipped":0,"cached":0,"blocked":0,"cancelled":0},"usage":{"input":0,"output":0,"cached":0,)"
      R"("reasoning":0,"tools":0,"costs":{}},"census":[],"waiting_for":[],)"
      R"("current_phase":"","phases":[],"re_executed":0,"re_executed_tokens":0,"result":{"text":"42","size":2}},)"
      R"("nodes":[{"n":1,"state":"done","label":"greet","phase":"","runtime":"mock","provider":"","model":"",)"
      R"("attempts":1,"usage":{"input":0,"output":0,"cached":0,"reasoning":0,"tools":0,"costs":{}},)"
      R"("called":0,"started":0,"ended":0,"executor":"","scope":"",)"
      R"("prompt":{"text":"Say hello","size":9}}],"log":[]})");
}

TEST(ReportData, HoldsNoMarkup) {
  const std::string attack = "</script><!--<script>alert(1)//&lt; ]]>";
  v1::Run run = OneNodeRun();
  run.set_name(attack);
  run.add_log(attack);
  run.add_waiting_for(attack);
  run.mutable_error()->set_message(attack);
  run.mutable_node(0)->set_label(attack);
  run.mutable_node(0)->set_command(attack);
  run.mutable_node(0)->add_args(attack);
  run.mutable_node(0)->mutable_prompt()->set_inline_(attack);
  const std::string data = ReportData(run, NoBlobs, {});
  EXPECT_EQ(data.find_first_of("<>&"), std::string::npos);
  const nlohmann::json json = nlohmann::json::parse(data);
  EXPECT_EQ(json["run"]["name"], attack);
  EXPECT_EQ(json["nodes"][0]["prompt"]["text"], attack);
}

TEST(ReportData, TakesAnyBytes) {
  v1::Run run = OneNodeRun();
  run.mutable_node(0)->mutable_prompt()->set_inline_(std::string("\0\xFF\xC3\x28\x1b[31m", 9));
  EXPECT_EQ(DataOf(run)["nodes"][0]["prompt"]["size"], 9);
}

TEST(ReportData, CutsAValueAtACharacterAndSaysItsFullSize) {
  v1::Run run = OneNodeRun();
  run.mutable_node(0)->mutable_prompt()->set_inline_(
      "aé"
      "é"
      "éb");  // 1 + 3 * 2 + 1 bytes
  const nlohmann::json prompt = DataOf(run, {.value_bytes_max = 4})["nodes"][0]["prompt"];
  EXPECT_EQ(prompt["text"], "aé");
  EXPECT_EQ(prompt["size"], 8);
  EXPECT_EQ(prompt["cut"], true);
  EXPECT_FALSE(DataOf(run, {.value_bytes_max = 8})["nodes"][0]["prompt"].contains("cut"));
}

TEST(ReportData, StaysSmallWithManyLargeValues) {
  v1::Run run = OneNodeRun();
  run.mutable_node(0)->mutable_prompt()->set_inline_(std::string(10'000, 'p'));
  for (int i = 1; i < 1000; ++i) *run.add_node() = run.node(0);
  const std::string data = ReportData(run, NoBlobs, {.values_bytes_max = 100'000});
  EXPECT_LT(data.size(), 100'000 + 1000 * (kValueBytesLeast + 600));
  EXPECT_EQ(nlohmann::json::parse(data)["nodes"][999]["prompt"]["size"], 10'000);
}

TEST(ReportData, ReadsLargeValuesAndNamesThoseThatCannotBeRead) {
  v1::Run run = OneNodeRun();
  v1::Blob& prompt = *run.mutable_node(0)->mutable_prompt();
  prompt.clear_inline_();
  prompt.set_sha256(std::string(32, 'h'));
  prompt.set_size(7);
  const auto blobs = [](const v1::Blob& blob) -> absl::StatusOr<std::string> {
    EXPECT_EQ(blob.size(), 7u);
    return "from it";
  };
  EXPECT_EQ(DataOf(run, {}, blobs)["nodes"][0]["prompt"]["text"], "from it");
  const nlohmann::json unreadable = DataOf(run)["nodes"][0]["prompt"];
  EXPECT_EQ(unreadable["unreadable"], "gone");
  EXPECT_EQ(unreadable["size"], 7);
}

TEST(ReportData, KeepsTheLastLogLines) {
  v1::Run run = OneNodeRun();
  for (int i = 0; i < 300; ++i) run.add_log(std::to_string(i));
  const nlohmann::json log = DataOf(run)["log"];
  EXPECT_EQ(log.size(), kLogLinesMax);
  EXPECT_EQ(log.back(), "299");
}

TEST(Report, IsOneFileThatMayLoadNothing) {
  const std::string html = RenderReport(OneNodeRun(), NoBlobs, {});
  EXPECT_EQ(html.rfind("<!doctype html>", 0), 0u);
  EXPECT_NE(html.find("default-src 'none'; script-src 'sha256-"), std::string::npos);
  EXPECT_EQ(html.find("@@"), std::string::npos);
  // Mermaid's text is compressed, so that no address in it is even in the file.
  for (const char* reference : {" src=", " href=\"http", "@import", "url(http", "<link"}) {
    EXPECT_EQ(html.find(reference), std::string::npos) << reference;
  }
  EXPECT_LT(html.size(), 1'200'000u);
}

TEST(ReportData, SaysWhereAReusedNodeCameFromAndWhatItSaved) {
  v1::Run run = OneNodeRun();
  run.set_resumed_from("wf_earlier");
  run.mutable_saved_usage()->set_output_tokens(40);
  run.mutable_node(0)->set_state(v1::NODE_CACHED);
  run.mutable_node(0)->set_cached_from_run("wf_earlier");
  run.mutable_node(0)->set_cached_from_node(3);
  const nlohmann::json json = DataOf(run);
  EXPECT_EQ(json["run"]["resumed_from"], "wf_earlier");
  EXPECT_EQ(json["run"]["saved"]["output"], 40);
  EXPECT_EQ(json["nodes"][0]["cached_from"]["run"], "wf_earlier");
  EXPECT_EQ(json["nodes"][0]["cached_from"]["n"], 3);
}

TEST(ReportData, HoldsAttemptsSchemaPathAndWhatWasNotEnforced) {
  v1::Run run = OneNodeRun();
  v1::Node* node = run.mutable_node(0);
  node->set_agent_type("reviewer");
  node->set_schema_path(v1::SCHEMA_PATH_REPAIRED);
  node->set_repair_turns(2);
  node->add_not_enforced("network");
  node->add_attempt_errors()->set_category(v1::CRASHED);
  const nlohmann::json json = DataOf(run)["nodes"][0];
  EXPECT_EQ(json["agent_type"], "reviewer");
  EXPECT_EQ(json["schema_path"], "repaired");
  EXPECT_EQ(json["repair_turns"], 2);
  EXPECT_EQ(json["not_enforced"][0], "network");
  EXPECT_EQ(json["attempt_errors"][0]["category"], "crashed");
}

TEST(ReportData, KeepsCurrenciesApartAndSaysWhatPassedACeiling) {
  v1::Run run = OneNodeRun();
  run.mutable_usage()->set_cost_micros(5);
  run.mutable_usage()->set_currency("USD");
  v1::Money* other = run.mutable_usage()->add_other_costs();
  other->set_currency("CNY");
  other->set_micros(7);
  run.set_overshoot_micros(2);
  const nlohmann::json json = DataOf(run)["run"];
  EXPECT_EQ(json["usage"]["costs"].dump(), R"({"CNY":7,"USD":5})");
  EXPECT_EQ(json["overshoot_micros"], 2);
}

TEST(ReportData, CutsADiffLikeEveryValue) {
  v1::Run run = OneNodeRun();
  v1::Worktree* tree = run.mutable_node(0)->mutable_worktree();
  tree->set_changed(true);
  tree->set_files_changed(1);
  tree->add_files("a</script>.txt");
  tree->set_result_ref("refs/odw/wf_1/n1/1");
  tree->mutable_diff()->set_inline_("+0123456789");
  tree->mutable_diff()->set_size(11);
  const nlohmann::json json = DataOf(run, {.value_bytes_max = 4})["nodes"][0]["worktree"];
  EXPECT_EQ(json["diff"]["text"], "+012");
  EXPECT_EQ(json["diff"]["size"], 11);
  EXPECT_EQ(json["files"][0], "a</script>.txt");
  EXPECT_EQ(ReportData(run, NoBlobs, {}).find('<'), std::string::npos);
}

}  // namespace
}  // namespace odw::webreport
