// report_samples FOLDER: writes the reports that the browser test opens, one HTML file for each
// kind of run. Their names are the test's cases (report_test.mjs).
#include <cstdio>
#include <string>

#include "daemon/base/fd.h"
#include "odw/v1/control.pb.h"
#include "webreport/report.h"

namespace odw {
namespace {

constexpr int64_t kStart = 1'795'000'000'000;

v1::Run NewRun(const std::string& name, v1::RunState state) {
  v1::Run run;
  run.set_run_id("wf_1072dc96-6a2b4f01");
  run.set_name(name);
  run.set_description("A sample run for the report page");
  run.set_owner("ana");
  run.set_script_name("survey.js");
  run.set_state(state);
  run.set_health(v1::OK);
  run.set_submitted_unix_ms(kStart);
  return run;
}

v1::Node* AddNode(v1::Run* run, const std::string& phase, const std::string& label, int64_t called,
                  int64_t started, int64_t ended) {
  v1::Node* node = run->add_node();
  node->set_ordinal(static_cast<uint64_t>(run->node_size()));
  node->set_state(v1::NODE_DONE);
  node->set_label(label);
  node->set_phase(phase);
  node->set_runtime("mock");
  node->set_attempts(1);
  node->set_called_unix_ms(kStart + called);
  node->set_started_unix_ms(kStart + started);
  node->set_ended_unix_ms(kStart + ended);
  node->mutable_usage()->set_input_tokens(120 + static_cast<uint64_t>(ended % 77));
  node->mutable_usage()->set_output_tokens(45);
  node->mutable_prompt()->set_inline_("Summarise " + label + " in one sentence.");
  node->mutable_prompt()->set_size(node->prompt().inline_().size());
  node->mutable_result()->set_inline_("{\"summary\":\"" + std::string("fine") + "\",\"score\":7}");
  node->mutable_result()->set_size(node->result().inline_().size());
  node->set_result_is_json(true);
  return node;
}

void Fail(v1::Node* node, v1::ErrorCategory category, const std::string& message) {
  node->set_state(v1::NODE_FAILED);
  node->clear_result();
  node->mutable_error()->set_category(category);
  node->mutable_error()->set_message(message);
}

// Totals, as the daemon would have counted them.
void Total(v1::Run* run) {
  v1::NodeCounts& counts = *run->mutable_nodes();
  std::map<v1::ErrorCategory, uint32_t> census;
  for (const v1::Node& node : run->node()) {
    counts.set_total(counts.total() + 1);
    v1::Usage& usage = *run->mutable_usage();
    usage.set_input_tokens(usage.input_tokens() + node.usage().input_tokens());
    usage.set_output_tokens(usage.output_tokens() + node.usage().output_tokens());
    usage.set_cost_micros(usage.cost_micros() + node.usage().cost_micros());
    if (!node.usage().currency().empty()) usage.set_currency(node.usage().currency());
    switch (node.state()) {
      case v1::NODE_RUNNING:
        counts.set_running(counts.running() + 1);
        break;
      case v1::NODE_QUEUED:
        counts.set_queued(counts.queued() + 1);
        break;
      case v1::NODE_BLOCKED:
        counts.set_blocked(counts.blocked() + 1);
        break;
      case v1::NODE_FAILED:
        counts.set_failed(counts.failed() + 1);
        ++census[node.error().category()];
        run->set_health(v1::DEGRADED);
        break;
      default:
        counts.set_done(counts.done() + 1);
    }
  }
  for (const auto& [category, count] : census) {
    v1::CategoryCount* entry = run->add_census();
    entry->set_category(category);
    entry->set_count(count);
  }
}

void SetResult(v1::Run* run, const std::string& json, int64_t ended) {
  run->mutable_result()->set_inline_(json);
  run->mutable_result()->set_size(json.size());
  run->set_ended_unix_ms(kStart + ended);
}

v1::Run Small() {
  v1::Run run = NewRun("survey", v1::COMPLETED);
  for (const char* phase : {"Measure", "Summarise", "Join"}) run.add_phases(phase);
  const char* files[] = {"daemon/main.cc", "client/main.cc", "README.md", "proto/types.proto"};
  for (int i = 0; i < 4; ++i) {
    v1::Node* count =
        AddNode(&run, "Measure", std::string("count lines of ") + files[i], 5, 10 + i, 60 + 25 * i);
    count->set_runtime("command");
    count->set_command("wc");
    count->add_args("-l");
    count->add_args(files[i]);
    count->clear_usage();
    count->set_scope("p1[" + std::to_string(i) + "]/s0");
  }
  for (int i = 0; i < 4; ++i) {
    v1::Node* node = AddNode(&run, "Summarise", std::string("summarise ") + files[i], 61 + 25 * i,
                             64 + 25 * i, 400 + 180 * i);
    node->set_model("small-1");
    node->mutable_usage()->set_cost_micros(1530);
    node->mutable_usage()->set_currency("USD");
    node->set_scope("p1[" + std::to_string(i) + "]/s1");
    if (i == 2) Fail(node, v1::RATE_LIMIT, "the provider said: try again in 60 s (3 attempts)");
  }
  AddNode(&run, "Join", "one table of all files", 950, 952, 1900)->set_model("large-1");
  run.add_log("surveying 4 files");
  run.add_log("README.md has no summary: rate limit");
  run.set_re_executed(1);
  run.set_re_executed_tokens(165);
  Total(&run);
  SetResult(&run, R"({"files":4,"lines":1234,"table":[{"file":"daemon/main.cc","lines":180}]})",
            1950);
  return run;
}

v1::Run Thousand() {
  v1::Run run = NewRun("thousand files", v1::COMPLETED);
  for (int i = 0; i < 499; ++i) {
    const int64_t at = 20 + (i / 16) * 130;
    v1::Node* node = AddNode(&run, "Measure", "wc src/file_" + std::to_string(i) + ".cc", 10, at,
                             at + 60 + (i * 37) % 60);
    node->set_scope("p1[" + std::to_string(i) + "]/s0");
    node->set_runtime("command");
    node->set_command("wc");
    node = AddNode(&run, "Summarise", "summarise src/file_" + std::to_string(i) + ".cc", at + 125,
                   at + 140, at + 300 + (i * 53) % 700);
    node->set_scope("p1[" + std::to_string(i) + "]/s1");
    node->set_model("small-1");
    if (i % 41 == 7) Fail(node, i % 2 ? v1::SCHEMA : v1::TIMEOUT, "no answer fitted the schema");
  }
  AddNode(&run, "Join", "join", 6000, 6001, 7000);
  AddNode(&run, "Join", "check the table", 7001, 7002, 7600);
  Total(&run);
  SetResult(&run, "[1,2,3]", 7700);
  return run;
}

v1::Run Hostile() {
  const std::string attack = "</script><script>globalThis.pwned=1</script>";
  v1::Run run = NewRun(attack + "<img src=x onerror=globalThis.pwned=2>", v1::FAILED);
  run.set_description(
      "\"'><svg onload=globalThis.pwned=3> <!-- --> ]]> &amp; \xE2\x80\xAE txet lautxet");
  run.set_owner("<b>owner</b>");
  const std::string labels[] = {
      attack,
      "<img src=x onerror=globalThis.pwned=4>",
      "a\"]; click g0 call alert() %%{init: {\"securityLevel\":\"loose\"}}%%",
      "end\nsubgraph x\n--> g0",
      "\x1b[31mred\x1b[0m \x1b]0;title\x07 bell",
      "right \xE2\x80\xAE to left \xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D",
      "1. a list `code` **bold** #35; &lt; $x^2$ ~~~",
      std::string(100000, 'w'),
      "https://example.invalid/x.png ![i](https://example.invalid/y.png) style g0 "
      "fill:url(https://example.invalid/z)",
      "",
  };
  for (const std::string& label : labels) {
    AddNode(&run, "phase " + labels[static_cast<size_t>(run.node_size()) % 3], label,
            run.node_size(), run.node_size() + 1, run.node_size() + 30);
  }
  v1::Node* big = AddNode(&run, attack, "one megabyte", 40, 41, 90);
  big->mutable_prompt()->set_inline_(std::string(500000, 'p') + attack + std::string(500000, 'q'));
  big->mutable_result()->set_inline_("\"" + attack + "\\u0000\"");
  Fail(AddNode(&run, attack, "failed", 50, 51, 95), v1::INTERNAL, attack + "\x1b[2J");
  run.mutable_node(3)->mutable_result()->set_inline_("not json " + attack + " \xff\xfe");
  run.mutable_error()->set_category(v1::INTERNAL);
  run.mutable_error()->set_message("it broke: " + attack);
  run.add_log(attack);
  run.add_log("\x1b[31mcolour\x1b[0m \xE2\x80\xAE reversed");
  run.add_waiting_for(attack);
  Total(&run);
  run.set_ended_unix_ms(kStart + 200);
  return run;
}

v1::Run Unfinished() {
  v1::Run run = NewRun("nightly review", v1::RUNNING);
  for (const char* phase : {"Read", "Review", "Merge"}) run.add_phases(phase);
  for (int i = 0; i < 12; ++i) {
    AddNode(&run, "Read", "read part " + std::to_string(i), 1, 2 + 150 * (i / 4),
            140 + 150 * (i / 4));
  }
  for (int i = 0; i < 30; ++i) {
    v1::Node* node = AddNode(&run, "Review", "review part " + std::to_string(i), 500, 520, 0);
    node->set_ended_unix_ms(0);
    node->clear_result();
    node->set_state(i < 8 ? v1::NODE_RUNNING : i < 24 ? v1::NODE_QUEUED : v1::NODE_BLOCKED);
    if (i >= 8) node->set_started_unix_ms(0);
  }
  run.set_current_phase("Review");
  run.add_waiting_for("blocked: no executor for codex");
  Total(&run);
  return run;
}

constexpr char kDiff[] =
    "diff --git a/src/lease.cc b/src/lease.cc\nindex 1111111..2222222 100644\n--- a/src/lease.cc\n"
    "+++ b/src/lease.cc\n@@ -10,3 +10,4 @@ void Lease::Renew() {\n   const Time now = clock_->Now();\n"
    "-  until_ = now + length_;\n+  until_ = std::max(until_, now + length_);\n"
    "+  // </pre><script>globalThis.pwned=9</script>\n }\n";

// A resumed run: two nodes reused, one repaired after two failed attempts, one with a changed worktree.
v1::Run Resumed() {
  v1::Run run = NewRun("migration", v1::COMPLETED);
  run.set_resumed_from("wf_0aa1bb22-6a2b0000");
  for (const char* file : {"src/queue.cc", "src/journal.cc"}) {
    v1::Node* node = AddNode(&run, "Change", std::string("change ") + file, 3, 0, 4);
    node->set_state(v1::NODE_CACHED);
    node->set_started_unix_ms(0);
    node->clear_usage();
    node->set_cached_from_run(run.resumed_from());
    node->set_cached_from_node(node->ordinal());
    node->set_model("opus");
  }
  run.mutable_saved_usage()->set_input_tokens(24000);
  run.mutable_saved_usage()->set_output_tokens(1900);
  run.mutable_saved_usage()->set_cost_micros(134000);
  run.mutable_saved_usage()->set_currency("USD");
  v1::Node* node = AddNode(&run, "Change", "change src/lease.cc", 3, 8, 900);
  node->set_runtime("claude");
  node->set_model("opus");
  node->set_agent_type("careful-editor");
  node->set_isolation("worktree");
  node->set_permission("workspace-write");
  node->add_not_enforced("network");
  v1::Worktree* tree = node->mutable_worktree();
  tree->set_changed(true);
  tree->set_files_changed(1);
  tree->add_files("src/lease.cc");
  tree->set_base_commit("3f244780000000000000000000000000000000000");
  tree->set_result_commit("9c0ffee0000000000000000000000000000000000");
  tree->set_result_ref("refs/odw/wf_1072dc96-6a2b4f01/n3/1");
  tree->add_notes("submodule third_party/x left out");
  tree->mutable_diff()->set_inline_(kDiff);
  tree->mutable_diff()->set_size(sizeof kDiff - 1);
  node = AddNode(&run, "Review", "review src/lease.cc", 905, 910, 1600);
  node->set_runtime("codex");
  node->set_attempts(3);
  node->set_schema_path(v1::SCHEMA_PATH_REPAIRED);
  node->set_repair_turns(1);
  node->mutable_worktree()->set_kept_path("/var/lib/odw/trees/wf_1072dc96-6a2b4f01-n4");
  for (const auto& [category, message] : {std::pair{v1::CRASHED, "the runtime ended with signal 9"},
                                          {v1::OVERLOADED, "claude opus: 529: overloaded"}}) {
    v1::Error* error = node->add_attempt_errors();
    error->set_category(category);
    error->set_message(message);
  }
  run.set_budget_total(20000);
  run.set_overshoot_tokens(120);
  run.set_overshoot_micros(21000);
  // Two nodes were paid for in dollars and one in yuan.
  run.mutable_node(2)->mutable_usage()->set_cost_micros(120000);
  run.mutable_node(2)->mutable_usage()->set_currency("USD");
  node->mutable_usage()->set_cost_micros(350000);
  node->mutable_usage()->set_currency("CNY");
  Total(&run);
  run.mutable_usage()->set_cost_micros(120000);
  run.mutable_usage()->set_currency("USD");
  v1::Money* yuan = run.mutable_usage()->add_other_costs();
  yuan->set_currency("CNY");
  yuan->set_micros(350000);
  run.mutable_nodes()->set_done(2);
  run.mutable_nodes()->set_cached(2);
  SetResult(&run, R"({"changes":3,"rejected":[]})", 1650);
  return run;
}

v1::Run Empty() { return NewRun("just begun", v1::RUNNING); }

v1::Run TenThousandInSequence() {
  v1::Run run = NewRun("ten thousand in sequence", v1::COMPLETED);
  for (int i = 0; i < 10000; ++i) AddNode(&run, "", "step " + std::to_string(i), i, i, i + 1);
  Total(&run);
  SetResult(&run, "null", 10001);
  return run;
}

int WriteAllSamples(const std::string& folder) {
  const std::pair<const char*, v1::Run> samples[] = {
      {"small", Small()},     {"thousand", Thousand()},
      {"hostile", Hostile()}, {"unfinished", Unfinished()},
      {"empty", Empty()},     {"sequence", TenThousandInSequence()},
      {"resumed", Resumed()}};
  for (const auto& [name, run] : samples) {
    const std::string html = webreport::RenderReport(
        run, [](const v1::Blob&) { return absl::NotFoundError("no such blob"); },
        {.now_unix_ms = kStart + 2500});
    const absl::Status status = WriteFileAtomically(folder + "/" + name + ".html", html);
    if (status.ok()) continue;
    fprintf(stderr, "%s\n", MessageOf(status).c_str());
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace odw

int main(int argc, char** argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: report_samples FOLDER\n");
    return 2;
  }
  return odw::WriteAllSamples(argv[1]);
}
