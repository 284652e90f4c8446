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

std::string WorkflowTable(const v1::ListWorkflowsResponse& reply);

}  // namespace odw::client
