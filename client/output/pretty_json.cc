#include "client/output/json.h"

namespace odw::client {
namespace {

class Indenter {
 public:
  explicit Indenter(std::string_view json) : json_(json) {}

  std::string Run() {
    for (at_ = 0; at_ < json_.size(); ++at_) Take(json_[at_]);
    return std::move(out_);
  }

 private:
  void Take(char c) {
    switch (c) {
      case ' ':
      case '\t':
      case '\r':
      case '\n':
        return;
      case '"':
        return String();
      case '{':
      case '[':
        return Open(c);
      case '}':
      case ']':
        --depth_;
        NewLine();
        out_ += c;
        return;
      case ',':
        out_ += c;
        return NewLine();
      case ':':
        out_ += ": ";
        return;
      default:
        out_ += c;
    }
  }

  void String() {
    const size_t start = at_;
    for (++at_; at_ < json_.size() && json_[at_] != '"'; ++at_) {
      if (json_[at_] == '\\') ++at_;
    }
    out_ += json_.substr(start, at_ - start + 1);
  }

  void Open(char c) {
    out_ += c;
    const size_t next = json_.find_first_not_of(" \t\r\n", at_ + 1);
    if (next != std::string_view::npos && (json_[next] == '}' || json_[next] == ']')) {
      out_ += json_[next];  // {} and [] stay on their line
      at_ = next;
      return;
    }
    ++depth_;
    NewLine();
  }

  void NewLine() {
    out_ += '\n';
    out_.append(2 * static_cast<size_t>(depth_ > 0 ? depth_ : 0), ' ');
  }

  const std::string_view json_;
  size_t at_ = 0;
  int depth_ = 0;
  std::string out_;
};

}  // namespace

std::string PrettyJson(std::string_view json) { return Indenter(json).Run(); }

}  // namespace odw::client
