// The file tools of bamboo, within one folder: no path leads out of it, neither by ".." nor by a
// symbolic link. Short local file calls, on the loop's thread. What they return is for the model to
// read.
#pragma once

#include <string>

#include "daemon/base/fd.h"
#include "daemon/base/status.h"

namespace odw::executors {

class Workspace {
 public:
  // What one tool call may hand to the model, in bytes.
  static constexpr size_t kShownBytesMax = 24'000;
  static constexpr size_t kFileBytesMax = 16 << 20;

  // `root`: an absolute path of a folder.
  explicit Workspace(std::string root) : root_(std::move(root)) {}
  const std::string& root() const { return root_; }

  // Lines `first` (from 1) and on, at most `count` (0: all that fits).
  absl::StatusOr<std::string> Read(const std::string& path, size_t first, size_t count) const;
  // Replaces the file's content, making it and its folders when missing.
  absl::StatusOr<std::string> Write(const std::string& path, const std::string& content) const;
  // Replaces `old_text` by `new_text`. It must occur exactly once, unless `every`.
  enum class Which { kOnly, kEvery };
  absl::StatusOr<std::string> Edit(const std::string& path, const std::string& old_text,
                                   const std::string& new_text, Which which) const;
  // The names in a folder, folders with a slash.
  absl::StatusOr<std::string> List(const std::string& path) const;

  // `path` relative to the root, when it names something within it.
  absl::StatusOr<std::string> Within(const std::string& path) const;

 private:
  absl::StatusOr<UniqueFd> Open(const std::string& path, int flags, unsigned mode = 0) const;
  absl::StatusOr<std::string> Relative(const std::string& path) const;
  absl::StatusOr<std::string> ReadWhole(const std::string& path) const;
  absl::Status CheckWritable(const std::string& relative) const;
  const std::string root_;
};

// The first and last part of a text that is too long to show, with a word on what is missing.
std::string Shorten(const std::string& text, size_t bytes_max);

}  // namespace odw::executors
