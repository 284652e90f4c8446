#include "daemon/script/body.h"

#include "daemon/script/v8_text.h"

namespace odw::script {
namespace {

constexpr std::string_view kPrefix = "(async function(){";
constexpr std::string_view kSuffix = "\n})";  // a last line comment must not swallow the end

bool StartsWith(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

// Bytes of the white space or line end that `text` starts with, as ECMAScript counts them.
size_t WhiteSpace(std::string_view text) {
  const auto byte = [&](size_t at) {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
  };
  const unsigned first = byte(0);
  if (first == ' ' || (first >= '\t' && first <= '\r')) return 1;
  if (first == 0xC2 && byte(1) == 0xA0) return 2;
  if (first < 0xE1) return 0;
  const unsigned rest = byte(1) << 8 | byte(2);
  const bool space = (first == 0xE1 && rest == 0x9A80) || (first == 0xEF && rest == 0xBBBF) ||
                     (first == 0xE3 && rest == 0x8080) ||
                     (first == 0xE2 && ((rest >= 0x8080 && rest <= 0x808A) || rest == 0x80A8 ||
                                        rest == 0x80A9 || rest == 0x80AF || rest == 0x819F));
  return space ? 3 : 0;
}

bool IsLineEnd(std::string_view text) {
  return text[0] == '\n' || text[0] == '\r' || StartsWith(text, "\xE2\x80\xA8") ||
         StartsWith(text, "\xE2\x80\xA9");
}

size_t LineComment(std::string_view text) {
  size_t at = 0;
  while (at < text.size() && !IsLineEnd(text.substr(at))) ++at;
  return at;
}

// Where the white space and comments that start at `at` end.
size_t SkipTrivia(std::string_view source, size_t at) {
  for (;;) {
    const std::string_view rest = source.substr(at);
    if (const size_t space = WhiteSpace(rest)) {
      at += space;
    } else if (StartsWith(rest, "//")) {
      at += LineComment(rest);
    } else if (StartsWith(rest, "/*")) {
      const size_t end = rest.find("*/", 2);
      if (end == std::string_view::npos) return source.size();
      at += end + 2;
    } else {
      return at;
    }
  }
}

// Where the string literal that starts at `at` ends; `at` when there is none.
size_t SkipString(std::string_view source, size_t at) {
  if (at >= source.size() || (source[at] != '\'' && source[at] != '"')) return at;
  for (size_t i = at + 1; i < source.size(); ++i) {
    if (source[i] == '\\') {
      ++i;
    } else if (source[i] == source[at]) {
      return i + 1;
    } else if (source[i] == '\n') {
      return at;
    }
  }
  return at;
}

bool IsIdentifierByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$' || c == '\\' || static_cast<unsigned char>(c) >= 0x80;
}

// The AsyncFunction constructor takes a body only if it is one: it refuses what closes the function
// early. It compiles and runs nothing, and the realm may not generate code but for this moment.
bool IsOneBody(v8::Local<v8::Context> context, v8::Local<v8::Function> async_function,
               v8::Local<v8::Value> body) {
  v8::TryCatch caught(context->GetIsolate());
  context->AllowCodeGenerationFromStrings(true);
  const bool one = !async_function->Call(context, context->Global(), 1, &body).IsEmpty();
  context->AllowCodeGenerationFromStrings(false);
  return one;
}

}  // namespace

std::string BlankExport(std::string_view source) {
  std::string out(source);
  const size_t bom = StartsWith(source, "\xEF\xBB\xBF") ? 3 : 0;
  size_t at = bom;
  if (StartsWith(source.substr(bom), "#!")) {
    out[bom] = out[bom + 1] = '/';
    at += LineComment(source.substr(bom));
  }
  for (;;) {  // past directives such as 'use strict'
    at = SkipTrivia(source, at);
    const size_t end = SkipString(source, at);
    if (end == at) break;
    at = SkipTrivia(source, end);
    if (at < source.size() && source[at] == ';') ++at;
  }
  constexpr std::string_view kExport = "export";
  const std::string_view rest = source.substr(at);
  if (StartsWith(rest, kExport) &&
      (rest.size() == kExport.size() || !IsIdentifierByte(rest[kExport.size()]))) {
    out.replace(at, kExport.size(), kExport.size(), ' ');
  }
  return out;
}

v8::MaybeLocal<v8::Function> CompileBody(v8::Local<v8::Context> context,
                                         v8::Local<v8::Function> async_function,
                                         const std::string& script_name, std::string_view source,
                                         std::string* refusal) {
  v8::Isolate* isolate = context->GetIsolate();
  const std::string body = BlankExport(source);
  std::string wrapped(kPrefix);
  wrapped.append(body).append(kSuffix);
  v8::ScriptOrigin origin(isolate, ToV8(isolate, script_name), 0,
                          -static_cast<int>(kPrefix.size()));
  v8::Local<v8::String> text, body_text;
  v8::Local<v8::Script> script;
  if (!TryToV8(isolate, wrapped).ToLocal(&text) || !TryToV8(isolate, body).ToLocal(&body_text)) {
    *refusal = "the script is too long";
    return {};
  }
  if (!v8::Script::Compile(context, text, &origin).ToLocal(&script)) return {};
  if (!IsOneBody(context, async_function, body_text)) {
    *refusal = "the script closes a bracket that it did not open";
    return {};
  }
  v8::Local<v8::Value> function;
  if (!script->Run(context).ToLocal(&function)) return {};
  return function.As<v8::Function>();
}

}  // namespace odw::script
