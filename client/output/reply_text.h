// Answers of the daemon other than runs, as text for people. Strings of strangers are made safe for
// a terminal. Thread-safe.
#pragma once

#include <string>

#include "odw/v1/control.pb.h"

namespace odw::client {

// "n7 was reused: ..." or why it ran, and the fields that differ.
std::string ExplainText(const v1::ExplainResponse& reply);

// A line a problem, with the line of `source` it is about and a mark under its column.
std::string CheckText(const std::string& name, const std::string& source,
                      const v1::CheckResponse& reply);

// Diffs of all nodes, as git shows them; a word where there are none. Not made safe.
std::string DiffText(const v1::RepositoryResponse& reply);

// What was applied or merged; or what stands in the way, a line a conflict.
std::string RepositoryText(v1::RepositoryRequest::Kind kind, const v1::RepositoryResponse& reply);

std::string WorkflowTable(const v1::ListWorkflowsResponse& reply);

}  // namespace odw::client
