#include "client/output/run_text.h"

#include <algorithm>

#include "client/output/text.h"
#include "client/output/tree_view.h"
#include "daemon/base/clock.h"

namespace odw::client {
namespace {

constexpr int kNameColumns = 28;
constexpr int kLabelColumns = 44;

std::string CensusText(const v1::Run& run) {
  std::string text;
  for (const v1::CategoryCount& entry : run.census()) {
    if (!text.empty()) text += ", ";
    text += CategoryName(entry.category()) + " " + std::to_string(entry.count());
  }
  return text;
}

// State and health are always named together.
std::string StateText(const v1::Run& run) {
  std::string text = StateName(run.state());
  if (run.health() != v1::HEALTH_UNSPECIFIED) text += ", " + HealthName(run.health());
  return text;
}

std::string Duration(const v1::Run& run) {
  const int64_t until =
      run.ended_unix_ms() != 0 ? run.ended_unix_ms() : UnixMillis(Clock::Real().Now());
  return FormatMillis(until - run.submitted_unix_ms());
}

std::string NodesText(const v1::NodeCounts& nodes) {
  std::string text = std::to_string(nodes.total()) + (nodes.total() == 1 ? " node" : " nodes");
  const auto add = [&](uint32_t count, const char* what) {
    if (count > 0) text += ", " + std::to_string(count) + " " + what;
  };
  add(nodes.running(), "running");
  add(nodes.queued() - std::min(nodes.queued(), nodes.backoff()), "queued");
  add(nodes.backoff(), "waiting for a retry");
  add(nodes.blocked(), "blocked");
  add(nodes.failed(), "failed");
  add(nodes.cancelled(), "cancelled");
  add(nodes.skipped(), "skipped");
  add(nodes.cached(), "reused");
  return text;
}

void Row(std::string* out, const char* name, const std::string& value) {
  if (value.empty()) return;
  *out += Pad(name, 12) + value + "\n";
}

void NodeRows(std::string* out, const v1::Run& run) {
  for (const v1::Node& node : run.node()) {
    std::string line = "  " + StateSymbol(node.state(), Symbols::kAscii) + " " +
                       Pad("n" + std::to_string(node.ordinal()), 7) +
                       Pad(OneLine(node.label()), kLabelColumns) + " " +
                       Pad(OneLine(node.model().empty() ? node.runtime() : node.model()), 18);
    if (TotalTokens(node.usage()) > 0)
      line += " " + FormatCount(TotalTokens(node.usage())) + " tok";
    if (node.started_unix_ms() != 0 && node.ended_unix_ms() != 0) {
      line += " " + FormatMillis(node.ended_unix_ms() - node.started_unix_ms());
    }
    if (!node.cached_from_run().empty()) {
      line += "  reused: n" + std::to_string(node.cached_from_node()) + " of " +
              OneLine(node.cached_from_run());
    }
    if (node.worktree().changed()) {
      const uint32_t files = node.worktree().files_changed();
      line += "  " + std::to_string(files) + (files == 1 ? " file changed" : " files changed");
    }
    if (HasError(node)) {
      line += "  " + CategoryName(node.error().category()) + ": " + OneLine(node.error().message());
    }
    while (line.back() == ' ') line.pop_back();
    *out += line + "\n";
  }
}

}  // namespace

std::string RunEndLine(const v1::Run& run) {
  std::string text = run.run_id() + " " + StateText(run) + ": " + NodesText(run.nodes());
  if (run.census_size() > 0) text += " (" + CensusText(run) + ")";
  text += ", " + FormatCount(TotalTokens(run.usage())) + " tokens";
  const std::string cost = FormatCost(run.usage());
  if (!cost.empty()) text += ", " + cost;
  if (TotalTokens(run.saved_usage()) > 0) {
    text += ", " + FormatCount(TotalTokens(run.saved_usage())) + " saved";
  }
  if (run.re_executed() > 0) text += ", " + std::to_string(run.re_executed()) + " re-executed";
  return text + ", " + Duration(run);
}

std::string RunText(const v1::Run& run) {
  std::string out;
  Row(&out, "run", run.run_id());
  Row(&out, "name", OneLine(run.name()));
  Row(&out, "about", OneLine(run.description()));
  Row(&out, "state", StateText(run));
  Row(&out, "resumes", OneLine(run.resumed_from()));
  if (HasError(run)) {
    Row(&out, "error",
        CategoryName(run.error().category()) + ": " + SafeText(run.error().message()));
  }
  for (const std::string& reason : run.waiting_for()) Row(&out, "waits for", OneLine(reason));
  Row(&out, "phase", OneLine(run.current_phase()));
  Row(&out, "nodes", NodesText(run.nodes()));
  Row(&out, "failures", CensusText(run));
  Row(&out, "tokens",
      FormatCount(TotalTokens(run.usage())) + " (" + FormatCount(run.usage().input_tokens()) +
          " in, " + FormatCount(run.usage().output_tokens()) + " out, " +
          FormatCount(run.usage().cached_input_tokens()) + " cached)");
  Row(&out, "cost", FormatCost(run.usage()));
  if (run.nodes().cached() > 0) {
    const std::string saved = FormatCost(run.saved_usage());
    Row(&out, "saved",
        FormatCount(TotalTokens(run.saved_usage())) + " tokens of " +
            std::to_string(run.nodes().cached()) + " reused nodes" +
            (saved.empty() ? "" : ", " + saved));
  }
  if (run.budget_total() > 0) {
    std::string budget = FormatCount(static_cast<uint64_t>(run.budget_total())) + " tokens";
    if (run.overshoot_tokens() > 0) {
      budget += ", passed by " + FormatCount(run.overshoot_tokens());
    }
    Row(&out, "budget", budget);
  } else if (run.overshoot_tokens() > 0) {
    Row(&out, "overshoot", FormatCount(run.overshoot_tokens()) + " tokens past the ceiling");
  }
  if (run.overshoot_micros() > 0) {
    Row(&out, "overshoot",
        FormatMoney(run.overshoot_micros(), "past --max-cost, in its currency"));
  }
  if (run.re_executed() > 0) {
    Row(&out, "re-executed",
        std::to_string(run.re_executed()) + " nodes, " + FormatCount(run.re_executed_tokens()) +
            " tokens");
  }
  Row(&out, "submitted", FormatUnixMillis(run.submitted_unix_ms()) + " by " + OneLine(run.owner()));
  Row(&out, run.ended_unix_ms() != 0 ? "took" : "so far", Duration(run));
  NodeRows(&out, run);
  if (run.log_size() > 0) out += "log\n";
  for (const std::string& line : run.log()) out += "  " + OneLine(line) + "\n";
  return out;
}

std::string RunTable(const v1::ListRunsResponse& runs) {
  if (runs.runs_size() == 0) return "No runs yet. Start one: odwctl exec flow.js\n";
  std::string out = Pad("RUN", 24) + Pad("NAME", kNameColumns) + "  " + Pad("STATE", 28) +
                    Pad("NODES", 12) + Pad("TOKENS", 9) + Pad("TOOK", 9) + "SUBMITTED\n";
  for (const v1::Run& run : runs.runs()) {
    const v1::NodeCounts& nodes = run.nodes();
    const uint32_t ended =
        nodes.done() + nodes.failed() + nodes.skipped() + nodes.cached() + nodes.cancelled();
    out += Pad(run.run_id(), 23) + " " + Pad(OneLine(run.name()), kNameColumns) + "  " +
           Pad(StateText(run), 28) +
           Pad(std::to_string(ended) + "/" + std::to_string(nodes.total()), 12) +
           Pad(FormatCount(TotalTokens(run.usage())), 9) + Pad(Duration(run), 9) +
           FormatUnixMillis(run.submitted_unix_ms()) + "\n";
  }
  return out;
}

}  // namespace odw::client
