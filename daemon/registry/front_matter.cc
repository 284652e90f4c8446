#include "daemon/registry/front_matter.h"

namespace odw::registry {
namespace {

constexpr char kFence[] = "---";

std::string Trimmed(const std::string& text) {
  const size_t from = text.find_first_not_of(" \t\r\n");
  if (from == std::string::npos) return "";
  return text.substr(from, text.find_last_not_of(" \t\r\n") - from + 1);
}

// "a\nb" -> a line break; of a text in single quotes, '' is a quote.
std::string Unquoted(const std::string& text) {
  if (text.size() < 2 || text.front() != text.back()) return text;
  const std::string inner = text.substr(1, text.size() - 2);
  std::string out;
  if (text.front() == '\'') {
    for (size_t i = 0; i < inner.size(); ++i) {
      out += inner[i];
      if (inner[i] == '\'' && i + 1 < inner.size() && inner[i + 1] == '\'') ++i;
    }
    return out;
  }
  if (text.front() != '"') return text;
  for (size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] != '\\' || i + 1 == inner.size()) {
      out += inner[i];
      continue;
    }
    const char next = inner[++i];
    out += next == 'n' ? '\n' : next == 't' ? '\t' : next;
  }
  return out;
}

std::vector<std::string> InlineList(const std::string& text) {
  std::vector<std::string> items;
  const std::string inner = text.substr(1, text.size() - 2);
  for (size_t at = 0; at <= inner.size();) {
    const size_t comma = std::min(inner.find(',', at), inner.size());
    const std::string item = Unquoted(Trimmed(inner.substr(at, comma - at)));
    if (!item.empty()) items.push_back(item);
    at = comma + 1;
  }
  return items;
}

bool IsKey(const std::string& key) {
  if (key.empty()) return false;
  for (const char c : key) {
    const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!word && c != '_' && c != '-') return false;
  }
  return true;
}

// Takes lines one by one; remembers the key that following indented lines belong to.
class Reader {
 public:
  explicit Reader(FrontMatter* out) : out_(out) {}

  absl::Status Take(const std::string& line, size_t number) {
    const std::string text = Trimmed(line);
    const bool indented = !line.empty() && (line[0] == ' ' || line[0] == '\t');
    if (text.empty() || (!indented && text[0] == '#')) {
      if (block_ && !key_.empty()) Append("\n");
      return absl::OkStatus();
    }
    const bool item = text[0] == '-' && (text.size() == 1 || text[1] == ' ');
    if (!key_.empty() && (indented || (item && !block_))) return Continue(text, item);
    const size_t colon = text.find(':');
    if (colon == std::string::npos || !IsKey(text.substr(0, colon))) {
      return absl::InvalidArgumentError("line " + std::to_string(number) +
                                        " of its front matter is no `key: value`");
    }
    key_ = text.substr(0, colon);
    Begin(Trimmed(text.substr(colon + 1)));
    return absl::OkStatus();
  }

 private:
  void Begin(const std::string& value) {
    std::vector<std::string>& field = out_->fields[key_];
    field.clear();
    block_ = !value.empty() && (value[0] == '|' || value[0] == '>') && value.size() <= 2;
    folded_ = block_ && value[0] == '>';
    if (block_ || value.empty()) return;
    if (value.front() == '[' && value.back() == ']') {
      field = InlineList(value);
    } else {
      field.push_back(Unquoted(value));
    }
  }

  absl::Status Continue(const std::string& text, bool item) {
    std::vector<std::string>& field = out_->fields[key_];
    if (item && !block_) {
      const std::string value = Unquoted(Trimmed(text.substr(1)));
      if (!value.empty()) field.push_back(value);
    } else {
      Append((block_ && !folded_ ? "\n" : " ") + text);
    }
    return absl::OkStatus();
  }

  void Append(const std::string& text) {
    std::vector<std::string>& field = out_->fields[key_];
    if (field.empty()) {
      field.push_back(Trimmed(text));
    } else {
      field.back() += text;
    }
  }

  FrontMatter* const out_;
  std::string key_;
  bool block_ = false, folded_ = false;
};

}  // namespace

std::string FrontMatter::Text(const std::string& key) const {
  const auto found = fields.find(key);
  if (found == fields.end()) return "";
  std::string text;
  for (const std::string& item : found->second) text += (text.empty() ? "" : ", ") + item;
  return Trimmed(text);
}

absl::StatusOr<FrontMatter> ParseFrontMatter(const std::string& text) {
  FrontMatter matter;
  Reader reader(&matter);
  const size_t start = text.compare(0, 3, "\xEF\xBB\xBF") == 0 ? 3 : 0;
  size_t number = 0;
  for (size_t at = start; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    const bool fence = Trimmed(line) == kFence && line[0] == '-';
    at = end + 1;
    if (++number == 1) {
      if (fence) continue;
      return absl::InvalidArgumentError("it has no front matter: its first line must be ---");
    }
    if (fence) {
      matter.body = at < text.size() ? Trimmed(text.substr(at)) : "";
      return matter;
    }
    ODW_RETURN_IF_ERROR(reader.Take(line, number));
  }
  return absl::InvalidArgumentError(number == 0 ? "it is empty"
                                                : "its front matter has no end: a line --- is missing");
}

}  // namespace odw::registry
