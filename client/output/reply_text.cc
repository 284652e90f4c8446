#include "client/output/reply_text.h"

#include "client/arguments.h"
#include "client/output/text.h"

namespace odw::client {
namespace {

constexpr int kFieldColumns = 14;
constexpr int kValueColumns = 60;
constexpr int kExcerptColumns = 100;

std::string Node(uint64_t ordinal) { return "n" + std::to_string(ordinal); }

std::string LineOf(const std::string& source, uint32_t number) {
  size_t from = 0;
  for (uint32_t line = 1; line < number; ++line) {
    const size_t end = source.find('\n', from);
    if (end == std::string::npos) return "";
    from = end + 1;
  }
  return source.substr(from, source.find('\n', from) - from);
}

// The bytes of `line` before the UTF-16 column (from 1) that JavaScript counts in.
size_t BytesBefore(const std::string& line, uint32_t column) {
  size_t at = 0;
  for (uint32_t units = 1; units < column && at < line.size(); ++units) {
    const bool astral = static_cast<unsigned char>(line[at]) >= 0xF0;
    ++at;
    while (at < line.size() && (static_cast<unsigned char>(line[at]) & 0xC0) == 0x80) ++at;
    if (astral) ++units;
  }
  return at;
}

// The line, cut around the column where it is long, and a caret under it.
std::string Excerpt(const std::string& line, uint32_t column) {
  if (OneLine(line).empty()) return "";
  const size_t at = BytesBefore(line, column);
  std::string before = OneLine(line.substr(0, at));
  std::string after = OneLine(line.substr(at));
  // OneLine folds white space at a start to nothing or one space: the caret follows what is shown.
  const size_t indent = before.find_first_not_of(' ');
  before.erase(0, indent == std::string::npos ? before.size() : indent);
  while (DisplayWidth(before) > kExcerptColumns / 2) {
    size_t next = 1;
    while (next < before.size() && (static_cast<unsigned char>(before[next]) & 0xC0) == 0x80)
      ++next;
    before.erase(0, next);
  }
  after = Fit(after, kExcerptColumns - DisplayWidth(before));
  return "    " + before + after + "\n    " +
         std::string(static_cast<size_t>(DisplayWidth(before)), ' ') + "^\n";
}

}  // namespace

std::string ExplainText(const v1::ExplainResponse& reply) {
  std::string out = Node(reply.node());
  if (reply.reused()) {
    out += " was reused: the result of " + Node(reply.from_node()) + " of " +
           OneLine(reply.from_run()) + "\n";
  } else {
    out += " ran";
    if (reply.from_node() != 0) {
      out +=
          "; the nearest call is " + Node(reply.from_node()) + " of " + OneLine(reply.from_run());
    }
    out += "\n";
  }
  if (!reply.why().empty()) out += "  " + OneLine(reply.why()) + "\n";
  for (const v1::FieldChange& change : reply.changes()) {
    const std::string field = Pad(OneLine(change.field()), kFieldColumns);
    out += "  " + field + "- " + Fit(OneLine(change.before()), kValueColumns) + "\n";
    out += "  " + std::string(kFieldColumns, ' ') + "+ " +
           Fit(OneLine(change.after()), kValueColumns) + "\n";
  }
  return out;
}

std::string CheckText(const std::string& name, const std::string& source,
                      const v1::CheckResponse& reply) {
  std::string out;
  for (const v1::ScriptProblem& problem : reply.problems()) {
    out += name;
    if (problem.line() > 0) {
      out += ":" + std::to_string(problem.line()) + ":" + std::to_string(problem.column());
    }
    out += std::string(": ") + (problem.warning() ? "warning: " : "error: ") +
           OneLine(problem.message()) + "\n";
    if (problem.line() > 0) {
      const std::string line = LineOf(source, problem.line());
      out += Excerpt(line.empty() ? problem.source_line() : line, problem.column());
    }
  }
  if (!reply.ok()) return out;
  out += name + ": ok: " + OneLine(reply.name());
  if (!reply.description().empty()) out += ": " + OneLine(reply.description());
  return out + " (" + (reply.dialect() == v1::ODW ? "odw" : "builtin") + " dialect)\n";
}

std::string WorkflowTable(const v1::ListWorkflowsResponse& reply) {
  if (reply.workflows_size() == 0) {
    return "No saved workflow here. Save one: odwctl workflows save flow.js\n";
  }
  std::string out = Pad("NAME", 28) + Pad("PLACE", 16) + "DESCRIPTION\n";
  for (const v1::SavedWorkflow& workflow : reply.workflows()) {
    std::string about = OneLine(workflow.description());
    if (!workflow.problem().empty()) {
      about = "cannot be used: " + OneLine(workflow.problem());
    } else if (workflow.shadowed()) {
      about = "(hidden by the one above) " + about;
    }
    const std::string name =
        workflow.name().empty() ? OneLine(BaseName(workflow.path())) : OneLine(workflow.name());
    out += Pad(name, 27) + " " + Pad(OneLine(workflow.place()), 15) + " " + Fit(about, 80) + "\n";
  }
  return out;
}

}  // namespace odw::client
