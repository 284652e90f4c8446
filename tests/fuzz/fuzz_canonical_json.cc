// daemon/base/canonical_json: equal values have equal bytes, and what is accepted is JSON.
#include <stdint.h>

#include <nlohmann/json.hpp>
#include <string>

#include "daemon/base/canonical_json.h"
#include "tests/fuzz/tool.h"

using odw::CanonicalJson;
using odw::fuzz::Broken;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto quoted = CanonicalJson(odw::JsonQuote(text));
  if (!quoted.ok() || *quoted != odw::JsonQuote(text)) Broken("a quoted text is no JSON string", text);
  const auto canonical = CanonicalJson(text);
  // Its parser takes a NUL for the end of the text.
  const bool is_json = text.find('\0') == text.npos && nlohmann::json::accept(text);
  if (canonical.ok() != is_json) Broken("accepted, or refused, unlike JSON", text);
  if (!canonical.ok()) return 0;
  const auto again = CanonicalJson(*canonical);
  if (!again.ok() || *again != *canonical) Broken("the canonical form of it is another", *canonical);
  const auto spaced = CanonicalJson(" [\n" + std::string(text) + "\t, " + *canonical + " ] ");
  const std::string pair = "[" + *canonical + "," + *canonical + "]";
  if (!spaced.ok() || *spaced != pair) Broken("white space matters", *canonical);
  return 0;
}
