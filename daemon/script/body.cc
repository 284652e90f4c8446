#include "daemon/script/body.h"

#include "daemon/script/v8_text.h"

namespace odw::script {
namespace {

constexpr std::string_view kPrefix = "(async function(){";
constexpr std::string_view kSuffix = "\n})";  // a last line comment must not swallow the end
constexpr std::string_view kExport = "export";
constexpr uint32_t kOdw = 2;           // odw.v1.Dialect
constexpr int kExportsBlankedMax = 8;  // each costs a compilation

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

// The word that `text` starts with, or nothing.
std::string_view WordAt(std::string_view text) {
  size_t end = 0;
  while (end < text.size() && IsIdentifierByte(text[end])) ++end;
  return text.substr(0, end);
}

enum class ExportKind { kNone, kData, kEntry };

// What stands at `at`, where a token starts: an `export` of data such as meta, of what may be an
// entry, or anything else.
ExportKind ExportAt(std::string_view source, size_t at) {
  if (at >= source.size() || WordAt(source.substr(at)) != kExport) return ExportKind::kNone;
  size_t next = SkipTrivia(source, at + kExport.size());
  const std::string_view word = WordAt(source.substr(next));
  if (word == "default" || word == "function" || word == "async") return ExportKind::kEntry;
  if (word != "const" && word != "let" && word != "var") return ExportKind::kNone;
  next = SkipTrivia(source, next + word.size());
  return WordAt(source.substr(next)) == "workflow" ? ExportKind::kEntry : ExportKind::kData;
}

// The byte at which the UTF-16 unit `units` of well-formed UTF-8 stands.
size_t ByteOfUnit(std::string_view text, size_t units) {
  size_t at = 0;
  while (at < text.size() && units > 0) {
    const auto first = static_cast<unsigned char>(text[at]);
    const size_t bytes = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    units -= bytes == 4 && units > 1 ? 2 : 1;
    at += bytes;
  }
  return at;
}

// Where V8 stopped in the source that was wrapped by kPrefix.
size_t PlaceOf(v8::Local<v8::Message> message, std::string_view source) {
  if (message.IsEmpty()) return source.size();
  const int units = message->GetStartPosition() - static_cast<int>(kPrefix.size());
  return units < 0 ? source.size() : ByteOfUnit(source, static_cast<size_t>(units));
}

v8::MaybeLocal<v8::Script> CompileWrapped(v8::Local<v8::Context> context, const std::string& name,
                                          std::string_view body, std::string* refusal) {
  v8::Isolate* isolate = context->GetIsolate();
  std::string wrapped(kPrefix);
  wrapped.append(body).append(kSuffix);
  v8::ScriptOrigin origin(isolate, ToV8(isolate, name), 0, -static_cast<int>(kPrefix.size()));
  v8::Local<v8::String> text;
  if (!TryToV8(isolate, wrapped).ToLocal(&text)) {
    *refusal = "the script is too long";
    return {};
  }
  return v8::Script::Compile(context, text, &origin);
}

// What V8 stops at in a body that it does not compile; *at is where.
ExportKind StopsAt(v8::Local<v8::Context> context, const std::string& name, const std::string& body,
                   size_t* at) {
  v8::TryCatch caught(context->GetIsolate());
  std::string refusal;
  if (!CompileWrapped(context, name, body, &refusal).IsEmpty() || !caught.HasCaught()) {
    return ExportKind::kNone;
  }
  *at = PlaceOf(caught.Message(), body);
  return ExportAt(body, *at);
}

// Blanks the exports of data: an odw script may export meta anywhere (SPEC O17). V8 itself says
// where the next `export` stands, since whoever does not parse cannot tell a token from a word in a
// text. True when the script exports its entry.
bool BlankOdwExports(v8::Local<v8::Context> context, const std::string& name, std::string* body) {
  if (body->find(kExport) == std::string::npos) return false;
  for (int i = 0; i < kExportsBlankedMax; ++i) {
    size_t at = 0;
    const ExportKind kind = StopsAt(context, name, *body, &at);
    if (kind != ExportKind::kData) return kind == ExportKind::kEntry;
    body->replace(at, kExport.size(), kExport.size(), ' ');
  }
  return false;
}

bool CompileModule(v8::Local<v8::Context> context, const BodySource& source,
                   v8::Local<v8::Module>* module, std::string* refusal) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::Local<v8::String> text;
  if (!TryToV8(isolate, source.text).ToLocal(&text)) {
    *refusal = "the script is too long";
    return false;
  }
  const v8::ScriptOrigin origin(isolate, ToV8(isolate, source.name), 0, 0, false, -1, {}, false,
                                false, true);
  v8::ScriptCompiler::Source unit(text, origin);
  if (!v8::ScriptCompiler::CompileModule(isolate, &unit).ToLocal(module)) return false;
  if ((*module)->GetModuleRequests()->Length() == 0) return true;
  *refusal = "import is not available in workflow scripts: a script is one file";
  return false;
}

// Never asked: a module with requests is refused.
v8::MaybeLocal<v8::Module> NoModule(v8::Local<v8::Context> context, v8::Local<v8::String>,
                                    v8::Local<v8::FixedArray>, v8::Local<v8::Module>) {
  v8::Isolate* isolate = context->GetIsolate();
  isolate->ThrowException(v8::Exception::Error(ToV8(isolate, "import is not available")));
  return {};
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
  if (ExportAt(source, at) == ExportKind::kData) {
    out.replace(at, kExport.size(), kExport.size(), ' ');
  }
  return out;
}

bool CompileBody(v8::Local<v8::Context> context, v8::Local<v8::Function> async_function,
                 const BodySource& source, Body* out, std::string* refusal) {
  v8::Isolate* isolate = context->GetIsolate();
  std::string body = BlankExport(source.text);
  if (source.dialect == kOdw && BlankOdwExports(context, source.name, &body)) {
    return CompileModule(context, source, &out->module, refusal);
  }
  v8::Local<v8::Script> script;
  if (!CompileWrapped(context, source.name, body, refusal).ToLocal(&script)) return false;
  v8::Local<v8::String> body_text;
  if (!TryToV8(isolate, body).ToLocal(&body_text) ||
      !IsOneBody(context, async_function, body_text)) {
    *refusal = "the script closes a bracket that it did not open";
    return false;
  }
  v8::Local<v8::Value> function;
  if (!script->Run(context).ToLocal(&function)) return false;
  out->function = function.As<v8::Function>();
  return true;
}

v8::MaybeLocal<v8::Value> EvaluateModule(v8::Local<v8::Context> context,
                                         v8::Local<v8::Module> module) {
  if (!module->InstantiateModule(context, NoModule).FromMaybe(false)) return {};
  return module->Evaluate(context);
}

}  // namespace odw::script
