// One run as one HTML file that needs nothing else: no network, no server, no other file. The page
// (page.html, style.css, app.js and Mermaid) is built into the binary; here the run becomes its
// data. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "odw/v1/control.pb.h"

namespace odw::webreport {

// The bytes of a value that does not travel inline. Called once a value, in node order.
using BlobReader = std::function<absl::StatusOr<std::string>(const v1::Blob&)>;

struct RenderOptions {
  int64_t now_unix_ms = 0;            // when the report is made; an unfinished run lasts until then
  size_t value_bytes_max = 16 << 10;  // longer prompts, results and errors are cut, and say so
  // All values together: beyond it each is cut at kValueBytesLeast, so that 10,000 nodes still give
  // a page that a browser opens.
  size_t values_bytes_max = 24 << 20;
};

inline constexpr size_t kValueBytesLeast = 256;
inline constexpr size_t kLogLinesMax = 200;

// The page for `run`, finished or not; REQUIRES: `run` was read with its nodes. A value that
// `blobs` cannot read is shown with the reason; rendering itself does not fail.
std::string RenderReport(const v1::Run& run, const BlobReader& blobs, const RenderOptions& options);

// The page's data alone: one JSON object, safe inside a <script> element. For tests.
std::string ReportData(const v1::Run& run, const BlobReader& blobs, const RenderOptions& options);

}  // namespace odw::webreport
