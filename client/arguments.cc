#include "client/arguments.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <numeric>

#include "client/failure.h"
#include "client/output/json.h"
#include "daemon/base/canonical_json.h"
#include "daemon/base/fd.h"

namespace odw::client {
namespace {

constexpr double kTokensMax = 9007199254740991.0;  // 2^53 - 1
constexpr double kMoneyMax = 1e9;

// How many letters must be changed, added or left out to make one of the other.
size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({changed, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

// The number that `text` starts with, and the rest.
bool SplitNumber(const std::string& text, double* number, std::string* rest) {
  const char* const begin = text.c_str();
  if (*begin < '0' || *begin > '9') return false;  // no sign, no "inf", no white space
  char* end = nullptr;
  *number = strtod(begin, &end);
  if (end == begin || !std::isfinite(*number)) return false;
  while (*end == ' ') ++end;
  *rest = end;
  return true;
}

}  // namespace

absl::StatusOr<uint64_t> ParseNode(const std::string& text) {
  const size_t from = !text.empty() && (text[0] == 'n' || text[0] == 'N') ? 1 : 0;
  uint64_t ordinal = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + from, end, ordinal);
  if (parsed.ec != std::errc() || parsed.ptr != end || ordinal == 0) {
    return UsageError("'" + text + "' names no node",
                      "Give its number, as n7 or 7: "
                      "odwctl status RUN --nodes lists them.");
  }
  return ordinal;
}

absl::StatusOr<uint64_t> ParseTokens(const std::string& flag, const std::string& text) {
  double number = 0;
  std::string unit;
  const bool split = SplitNumber(text, &number, &unit);
  if (unit == "k" || unit == "K")
    number *= 1e3;
  else if (unit == "m" || unit == "M")
    number *= 1e6;
  else if (!unit.empty())
    number = 0;
  if (!split || number < 1 || number > kTokensMax) {
    return UsageError(flag + " '" + text + "' is no number of tokens",
                      "Give a whole number, or one such as 500k or 1.5M.");
  }
  return static_cast<uint64_t>(number);
}

absl::StatusOr<Money> ParseMoney(const std::string& flag, const std::string& text) {
  Money money;
  double number = 0;
  const bool split = SplitNumber(text, &number, &money.currency);
  for (char& c : money.currency) c = static_cast<char>(toupper(static_cast<unsigned char>(c)));
  bool named = money.currency.size() == 3;
  for (const char c : money.currency) named = named && c >= 'A' && c <= 'Z';
  money.micros = static_cast<int64_t>(std::llround(std::min(number, kMoneyMax) * 1e6));
  if (!split || !named || money.micros < 1 || number > kMoneyMax) {
    return UsageError(flag + " '" + text + "' is no amount of money",
                      "Give an amount and its currency, such as 5USD or 30CNY.");
  }
  return money;
}

absl::StatusOr<std::string> ReadInput(const std::string& path, size_t bytes_max,
                                      const std::string& what) {
  const std::string source = path == "-" ? "/dev/stdin" : path;
  absl::StatusOr<std::string> content = ReadFile(source, bytes_max);
  if (content.ok()) return content;
  if (!absl::IsResourceExhausted(content.status())) {
    return UsageError("the " + what + " cannot be read: " + MessageOf(content.status()),
                      "Check the path, or give - to read it from stdin.");
  }
  if (what == "script") {  // odwd's own limit is lower than what is read here
    return UsageError("the script is too long: " + MessageOf(content.status()),
                      "A script may have 524,288 characters: give what is data as --args-file.");
  }
  return UsageError("the " + what + " cannot be read: " + MessageOf(content.status()),
                    "It may have " + std::to_string(bytes_max >> 20) + " MiB at most.");
}

std::string ArgsAsJson(const std::string& text) { return IsJson(text) ? text : JsonQuote(text); }

absl::StatusOr<std::string> CurrentFolder() {
  char* folder = getcwd(nullptr, 0);
  if (folder == nullptr) {
    return UsageError("the current folder is gone",
                      "Change to a folder that exists, or --cwd DIR.");
  }
  std::string result = folder;
  free(folder);
  return result;
}

absl::StatusOr<std::string> ExistingFolder(const std::string& flag, const std::string& path) {
  struct stat info = {};
  if (stat(path.c_str(), &info) == 0 && !S_ISDIR(info.st_mode)) {
    return UsageError(flag + " cannot be used: " + path + " is a file", "Give a folder that exists.");
  }
  char* real = realpath(path.c_str(), nullptr);
  if (real == nullptr || access(real, X_OK) != 0) {
    const absl::Status status = ErrnoStatus(path);
    free(real);
    return UsageError(flag + " cannot be used: " + MessageOf(status), "Give a folder that exists.");
  }
  std::string result = real;
  free(real);
  return result;
}

std::string NearestWord(const std::string& word, const std::vector<std::string>& words) {
  size_t best = word.size() / 2 + 1;  // half of it wrong is another word
  std::string nearest;
  for (const std::string& candidate : words) {
    const size_t distance = EditDistance(word, candidate);
    if (distance >= best) continue;
    best = distance;
    nearest = candidate;
  }
  return nearest;
}

std::string BaseName(std::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

}  // namespace odw::client
