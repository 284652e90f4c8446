#include "webreport/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "webreport/asset.h"

namespace odw::webreport {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kLabelBytesMax = 1000;
constexpr size_t kArgsMax = 100;
constexpr int kFilesMax = 200;
constexpr int kNotesMax = 20;

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(tolower(c)); });
  return text;
}

// `text` cut at a character's border, with no more than `bytes_max`.
std::string Cut(const std::string& text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end);
}

// A message that is present but says nothing is no error.
template <typename Message>
bool HasError(const Message& message) {
  return message.has_error() && (message.error().category() != v1::ERROR_CATEGORY_UNSPECIFIED ||
                                 !message.error().message().empty());
}

class DataWriter {
 public:
  DataWriter(const BlobReader& blobs, const RenderOptions& options)
      : blobs_(blobs), options_(options) {}

  Json Write(const v1::Run& run) {
    Json json = {{"format", 1},
                 {"made_unix_ms", options_.now_unix_ms},
                 {"value_bytes_max", options_.value_bytes_max},
                 {"run", Summary(run)},
                 {"nodes", Json::array()},
                 {"log", Json::array()}};
    for (const v1::Node& node : run.node()) json["nodes"].push_back(Node(node));
    const int first = std::max<int>(0, run.log_size() - static_cast<int>(kLogLinesMax));
    for (int i = first; i < run.log_size(); ++i) json["log"].push_back(Cut(run.log(i), 4096));
    return json;
  }

 private:
  // A value's text as far as it is shown, its full size, and whether it was cut.
  Json Value(const v1::Blob& blob) {
    std::string text = blob.inline_();
    if (text.empty() && !blob.sha256().empty()) {
      absl::StatusOr<std::string> read = blobs_(blob);
      if (!read.ok()) {
        return {{"size", blob.size()}, {"unreadable", std::string(read.status().message())}};
      }
      text = *std::move(read);
    }
    return Text(text);
  }

  Json Text(const std::string& text) {
    const size_t left = options_.values_bytes_max - std::min(spent_, options_.values_bytes_max);
    const size_t most = std::min(options_.value_bytes_max, std::max(left, kValueBytesLeast));
    const std::string shown = Cut(text, most);
    spent_ += shown.size();
    Json json = {{"text", shown}, {"size", text.size()}};
    if (shown.size() < text.size()) json["cut"] = true;
    return json;
  }

  Json Error(const v1::Error& error) {
    Json json = {{"category", Lower(v1::ErrorCategory_Name(error.category()))},
                 {"message", Text(error.message())}};
    if (error.category() == v1::EXIT_STATUS) json["exit_status"] = error.exit_status();
    return json;
  }

  static Json Usage(const v1::Usage& usage) {
    Json json = {{"input", usage.input_tokens()},         {"output", usage.output_tokens()},
                 {"cached", usage.cached_input_tokens()}, {"reasoning", usage.reasoning_tokens()},
                 {"tools", usage.tool_calls()},           {"costs", Json::object()}};
    if (!usage.currency().empty()) json["costs"][usage.currency()] = usage.cost_micros();
    for (const v1::Money& other : usage.other_costs()) {
      json["costs"][other.currency()] = other.micros();
    }
    return json;
  }

  static Json Counts(const v1::NodeCounts& n) {
    return {{"total", n.total()},   {"queued", n.queued()},   {"running", n.running()},
            {"done", n.done()},     {"failed", n.failed()},   {"skipped", n.skipped()},
            {"cached", n.cached()}, {"blocked", n.blocked()}, {"cancelled", n.cancelled()}};
  }

  Json Summary(const v1::Run& run) {
    Json json = {{"id", run.run_id()},
                 {"name", run.name()},
                 {"description", run.description()},
                 {"owner", run.owner()},
                 {"script", run.script_name()},
                 {"state", Lower(v1::RunState_Name(run.state()))},
                 {"health", run.health() == v1::DEGRADED ? "degraded" : "ok"},
                 {"submitted", run.submitted_unix_ms()},
                 {"ended", run.ended_unix_ms()},
                 {"counts", Counts(run.nodes())},
                 {"usage", Usage(run.usage())},
                 {"census", Json::array()},
                 {"waiting_for", run.waiting_for()},
                 {"current_phase", run.current_phase()},
                 {"phases", run.phases()},
                 {"re_executed", run.re_executed()},
                 {"re_executed_tokens", run.re_executed_tokens()}};
    for (const v1::CategoryCount& entry : run.census()) {
      json["census"].push_back({{"category", Lower(v1::ErrorCategory_Name(entry.category()))},
                                {"count", entry.count()}});
    }
    if (!run.resumed_from().empty()) {
      json["resumed_from"] = run.resumed_from();
      json["saved"] = Usage(run.saved_usage());
    }
    if (run.budget_total() > 0) json["budget_total"] = run.budget_total();
    if (run.overshoot_tokens() > 0) json["overshoot_tokens"] = run.overshoot_tokens();
    if (run.overshoot_micros() > 0) json["overshoot_micros"] = run.overshoot_micros();
    if (HasError(run)) json["error"] = Error(run.error());
    if (run.has_result()) json["result"] = Value(run.result());
    return json;
  }

  Json Node(const v1::Node& node) {
    std::string state = Lower(v1::NodeState_Name(node.state()));
    if (state.rfind("node_", 0) == 0) state = state.substr(5);
    Json json = {{"n", node.ordinal()},
                 {"state", state},
                 {"label", Cut(node.label(), kLabelBytesMax)},
                 {"phase", Cut(node.phase(), kLabelBytesMax)},
                 {"runtime", node.runtime()},
                 {"provider", node.provider()},
                 {"model", node.model()},
                 {"attempts", node.attempts()},
                 {"usage", Usage(node.usage())},
                 {"called", node.called_unix_ms()},
                 {"started", node.started_unix_ms()},
                 {"ended", node.ended_unix_ms()},
                 {"executor", node.executor()},
                 {"scope", node.scope()}};
    if (!node.command().empty()) {
      json["command"] = node.command();
      json["args"] = Json::array();
      for (int i = 0; i < node.args_size() && i < static_cast<int>(kArgsMax); ++i) {
        json["args"].push_back(Cut(node.args(i), kLabelBytesMax));
      }
      if (node.args_size() > static_cast<int>(kArgsMax)) json["args_total"] = node.args_size();
    }
    if (HasError(node)) json["error"] = Error(node.error());
    AddRequest(node, &json);
    AddHistory(node, &json);
    if (node.has_worktree()) json["worktree"] = Worktree(node.worktree());
    if (node.has_prompt()) json["prompt"] = Value(node.prompt());
    if (node.has_result()) {
      json["result"] = Value(node.result());
      json["result"]["json"] = node.result_is_json();
    }
    return json;
  }

  // What was asked for besides the prompt, as far as it was.
  static void AddRequest(const v1::Node& node, Json* json) {
    const std::pair<const char*, const std::string&> texts[] = {{"agent_type", node.agent_type()},
                                                                {"effort", node.effort()},
                                                                {"permission", node.permission()},
                                                                {"isolation", node.isolation()}};
    for (const auto& [key, text] : texts) {
      if (!text.empty()) (*json)[key] = Cut(text, kLabelBytesMax);
    }
    for (int i = 0; i < std::min(node.not_enforced_size(), kNotesMax); ++i) {
      (*json)["not_enforced"].push_back(Cut(node.not_enforced(i), kLabelBytesMax));
    }
  }

  // How it came to its result.
  void AddHistory(const v1::Node& node, Json* json) {
    if (!node.cached_from_run().empty()) {
      (*json)["cached_from"] = {{"run", node.cached_from_run()}, {"n", node.cached_from_node()}};
    }
    if (node.schema_path() != v1::SCHEMA_PATH_NONE) {
      const std::string name = Lower(v1::SchemaPath_Name(node.schema_path()));
      (*json)["schema_path"] = name.substr(std::min(name.size(), sizeof "schema_path_" - 1));
      (*json)["repair_turns"] = node.repair_turns();
    }
    for (int i = 0; i < std::min(node.attempt_errors_size(), kNotesMax); ++i) {
      (*json)["attempt_errors"].push_back(Error(node.attempt_errors(i)));
    }
  }

  Json Worktree(const v1::Worktree& tree) {
    Json json = {{"changed", tree.changed()},      {"files_changed", tree.files_changed()},
                 {"files", Json::array()},         {"base", tree.base_commit()},
                 {"result", tree.result_commit()}, {"ref", tree.result_ref()},
                 {"notes", Json::array()}};
    for (int i = 0; i < std::min(tree.files_size(), kFilesMax); ++i) {
      json["files"].push_back(Cut(tree.files(i), kLabelBytesMax));
    }
    for (int i = 0; i < std::min(tree.notes_size(), kNotesMax); ++i) {
      json["notes"].push_back(Cut(tree.notes(i), kLabelBytesMax));
    }
    if (!tree.kept_path().empty()) json["kept"] = Cut(tree.kept_path(), kLabelBytesMax);
    if (tree.has_diff()) {
      json["diff"] = Value(tree.diff());
      if (tree.diff_cut()) json["diff_cut"] = true;
    }
    return json;
  }

  const BlobReader& blobs_;
  const RenderOptions& options_;
  size_t spent_ = 0;
};

// JSON may spell any character of a string by its number. Without <, > and & no text in the data
// can end the <script> element that it stands in, or open a comment.
std::string SafeInScript(const std::string& json) {
  std::string out;
  out.reserve(json.size() + json.size() / 16);
  for (const char c : json) {
    switch (c) {
      case '<':
        out += "\\u003c";
        break;
      case '>':
        out += "\\u003e";
        break;
      case '&':
        out += "\\u0026";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace

std::string ReportData(const v1::Run& run, const BlobReader& blobs, const RenderOptions& options) {
  const Json json = DataWriter(blobs, options).Write(run);
  return SafeInScript(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string RenderReport(const v1::Run& run, const BlobReader& blobs,
                         const RenderOptions& options) {
  const Page page = EmbeddedPage();
  const std::string data = ReportData(run, blobs, options);
  std::string html;
  html.reserve(page.head.size() + data.size() + page.tail.size());
  html.append(page.head).append(data).append(page.tail);
  return html;
}

}  // namespace odw::webreport
