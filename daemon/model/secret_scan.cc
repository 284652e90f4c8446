#include "daemon/model/secret_scan.h"

#include <algorithm>
#include <array>
#include <bitset>

namespace odw::model {
namespace {

constexpr size_t kDistinctLeast = 8;
constexpr size_t kHeaderBytesMax = 80;

enum class Alphabet { kWord, kWordDash, kUpperDigits, kAlnum };

struct Shape {
  std::string_view prefix;
  Alphabet alphabet;
  size_t least;          // characters after the prefix
  size_t most;           // more of the alphabet means that it is something else; 0: any number
  size_t digits_least;   // names in kebab case have few
  const char* kind;
};

// Longer prefixes first where one begins another.
constexpr Shape kShapes[] = {
    {"sk-ant-", Alphabet::kWordDash, 20, 0, 1, "an Anthropic API key"},
    {"sk-proj-", Alphabet::kWordDash, 32, 0, 3, "an OpenAI API key"},
    {"sk-or-v1-", Alphabet::kWordDash, 32, 0, 3, "an OpenRouter API key"},
    {"sk-", Alphabet::kWordDash, 32, 0, 3, "an API key (sk-...)"},
    {"sk_live_", Alphabet::kAlnum, 20, 0, 1, "a Stripe key"},
    {"rk_live_", Alphabet::kAlnum, 20, 0, 1, "a Stripe key"},
    {"AKIA", Alphabet::kUpperDigits, 16, 16, 0, "an AWS access key id"},
    {"ASIA", Alphabet::kUpperDigits, 16, 16, 0, "an AWS access key id"},
    {"AIza", Alphabet::kWordDash, 35, 35, 1, "a Google API key"},
    {"github_pat_", Alphabet::kWord, 40, 0, 1, "a GitHub token"},
    {"ghp_", Alphabet::kAlnum, 36, 0, 1, "a GitHub token"},
    {"gho_", Alphabet::kAlnum, 36, 0, 1, "a GitHub token"},
    {"ghu_", Alphabet::kAlnum, 36, 0, 1, "a GitHub token"},
    {"ghs_", Alphabet::kAlnum, 36, 0, 1, "a GitHub token"},
    {"ghr_", Alphabet::kAlnum, 36, 0, 1, "a GitHub token"},
    {"glpat-", Alphabet::kWordDash, 20, 0, 1, "a GitLab token"},
    {"gsk_", Alphabet::kAlnum, 40, 0, 1, "a Groq API key"},
    {"hf_", Alphabet::kAlnum, 30, 0, 0, "a Hugging Face token"},
    {"npm_", Alphabet::kAlnum, 36, 0, 1, "an npm token"},
    {"xoxb-", Alphabet::kWordDash, 20, 0, 3, "a Slack token"},
    {"xoxp-", Alphabet::kWordDash, 20, 0, 3, "a Slack token"},
    {"xoxa-", Alphabet::kWordDash, 20, 0, 3, "a Slack token"},
    {"xoxr-", Alphabet::kWordDash, 20, 0, 3, "a Slack token"},
    {"xoxs-", Alphabet::kWordDash, 20, 0, 3, "a Slack token"},
};
constexpr std::string_view kKeyBegin = "-----BEGIN ";
constexpr std::string_view kKeyEnd = "PRIVATE KEY-----";

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsAlnum(char c) { return IsDigit(c) || IsUpper(c) || (c >= 'a' && c <= 'z'); }

bool Fits(Alphabet alphabet, char c) {
  switch (alphabet) {
    case Alphabet::kWord: return IsAlnum(c) || c == '_';
    case Alphabet::kWordDash: return IsAlnum(c) || c == '_' || c == '-';
    case Alphabet::kUpperDigits: return IsDigit(c) || IsUpper(c);
    case Alphabet::kAlnum: return IsAlnum(c);
  }
  return false;
}

bool IsPlaceholder(std::string_view body) {
  if (body.find("EXAMPLE") != std::string_view::npos) return true;
  std::bitset<256> seen;
  for (const char c : body) seen.set(static_cast<unsigned char>(c));
  return seen.count() < kDistinctLeast;
}

bool HasShape(std::string_view text, const Shape& shape) {
  if (text.substr(0, shape.prefix.size()) != shape.prefix) return false;
  const std::string_view rest = text.substr(shape.prefix.size());
  size_t length = 0, digits = 0;
  while (length < rest.size() && Fits(shape.alphabet, rest[length])) {
    digits += IsDigit(rest[length]) ? 1 : 0;
    ++length;
  }
  if (length < shape.least || digits < shape.digits_least) return false;
  if (shape.most > 0 && length > shape.most) return false;
  return !IsPlaceholder(rest.substr(0, length));
}

bool IsPrivateKey(std::string_view text) {
  if (text.substr(0, kKeyBegin.size()) != kKeyBegin) return false;
  const size_t end = text.substr(0, kHeaderBytesMax).find(kKeyEnd);
  return end != std::string_view::npos &&
         text.substr(0, end).find('\n') == std::string_view::npos;
}

// The bytes that any shape begins with.
std::array<bool, 256> FirstBytes() {
  std::array<bool, 256> first{};
  for (const Shape& shape : kShapes) first[static_cast<unsigned char>(shape.prefix[0])] = true;
  first[static_cast<unsigned char>(kKeyBegin[0])] = true;
  return first;
}

bool IsAllowed(std::string_view text, size_t byte) {
  const size_t line = text.rfind('\n', byte) == std::string_view::npos ? 0 : text.rfind('\n', byte);
  const size_t end = std::min(text.find('\n', byte), text.size());
  return text.substr(line, end - line).find(kAllowSecretMark) != std::string_view::npos;
}

const char* KindAt(std::string_view text) {
  if (IsPrivateKey(text)) return "a private key";
  for (const Shape& shape : kShapes) {
    if (HasShape(text, shape)) return shape.kind;
  }
  return nullptr;
}

}  // namespace

std::optional<FoundSecret> FindSecret(std::string_view text) {
  static const std::array<bool, 256> kFirst = FirstBytes();
  for (size_t i = 0; i < text.size(); ++i) {
    if (!kFirst[static_cast<unsigned char>(text[i])]) continue;
    // In the middle of a word it is part of something longer; "\nsk-..." in JSON is not.
    const bool escaped = i > 1 && text[i - 2] == '\\';
    if (i > 0 && (IsAlnum(text[i - 1]) || text[i - 1] == '_') && !escaped) continue;
    const char* kind = KindAt(text.substr(i));
    if (kind != nullptr && !IsAllowed(text, i)) return FoundSecret{.kind = kind, .byte = i};
  }
  return std::nullopt;
}

}  // namespace odw::model
