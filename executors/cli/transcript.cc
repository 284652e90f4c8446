#include "executors/cli/transcript.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

namespace odw::executors {
namespace {

namespace fs = std::filesystem;

constexpr int kEntriesMax = 100'000;

bool EndsIn(std::string_view name, std::string_view ending) {
  return name.size() >= ending.size() && name.substr(name.size() - ending.size()) == ending;
}

std::string FindIn(const fs::path& folder, int depth, const std::string& ending, int* entries) {
  std::vector<fs::path> inner;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (--*entries < 0) return "";
    if (depth > 0) {
      inner.push_back(it->path());
    } else if (EndsIn(it->path().native(), ending)) {
      return it->path();
    }
  }
  std::sort(inner.begin(), inner.end(), std::greater<>());
  for (const fs::path& path : inner) {
    if (std::string found = FindIn(path, depth - 1, ending, entries); !found.empty()) return found;
  }
  return "";
}

}  // namespace

std::string FindTranscript(const std::string& folder, int depth, const std::string& ending) {
  int entries = kEntriesMax;
  return FindIn(folder, depth, ending, &entries);
}

}  // namespace odw::executors
