#include "executors/redact.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "daemon/base/canonical_json.h"

namespace odw::executors {
namespace {

constexpr size_t kSecretBytesMin = 8;  // a shorter value would take ordinary words out
constexpr std::string_view kNameEnds[] = {"KEY", "TOKEN", "SECRET", "PASSWORD"};
constexpr char kReplacement[] = "[redacted]";

bool NamesASecret(std::string_view name) {
  return std::any_of(std::begin(kNameEnds), std::end(kNameEnds), [&](std::string_view end) {
    return name.size() >= end.size() && name.substr(name.size() - end.size()) == end;
  });
}

}  // namespace

Redactor::Redactor(std::vector<std::string> secrets) {
  for (std::string& secret : secrets) {
    if (secret.size() < kSecretBytesMin) continue;
    const std::string quoted = JsonQuote(secret);
    const std::string in_json = quoted.substr(1, quoted.size() - 2);
    if (in_json != secret) secrets_.push_back(in_json);
    secrets_.push_back(std::move(secret));
  }
  std::sort(secrets_.begin(), secrets_.end(),
            [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

Redactor Redactor::OfEnvironment() {
  std::vector<std::string> secrets;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view whole(*entry);
    const size_t equals = whole.find('=');
    if (equals == std::string_view::npos || !NamesASecret(whole.substr(0, equals))) continue;
    secrets.emplace_back(whole.substr(equals + 1));
  }
  return Redactor(std::move(secrets));
}

void Redactor::Redact(std::string* text) const {
  for (const std::string& secret : secrets_) {
    for (size_t at = text->find(secret); at != std::string::npos; at = text->find(secret, at)) {
      text->replace(at, secret.size(), kReplacement);
      at += sizeof kReplacement - 1;
    }
  }
}

void Redactor::Redact(odw::v1::Result* result) const {
  if (secrets_.empty()) return;
  Redact(result->mutable_value());
  Redact(result->mutable_raw_text());
  if (result->has_error()) Redact(result->mutable_error()->mutable_message());
  if (!result->has_worktree()) return;
  odw::v1::Worktree* const worktree = result->mutable_worktree();
  Redact(worktree->mutable_diff()->mutable_inline_());
  for (std::string& file : *worktree->mutable_files()) Redact(&file);
  for (std::string& note : *worktree->mutable_notes()) Redact(&note);
}

}  // namespace odw::executors
