#include "daemon/script/loader.h"

#include <list>
#include <string>
#include <unordered_map>
#include <utility>

#include "daemon/base/sha256.h"
#include "daemon/script/body.h"
#include "daemon/script/tool_role.h"
#include "daemon/script/utf8.h"
#include "daemon/script/v8_text.h"
#include "odw/v1/script.pb.h"

namespace odw::script {
namespace {

namespace pb = ::odw::v1::script;

constexpr uint32_t kLoadCpuMsMax = 10000;
constexpr size_t kRepliesKept = 256;

// The last replies, by script and dialect.
class ReplyCache {
 public:
  const pb::LoadReply* Find(const std::string& key) {
    auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->second;
  }
  void Add(const std::string& key, const pb::LoadReply& reply) {
    entries_.emplace_front(key, reply);
    index_[key] = entries_.begin();
    if (entries_.size() <= kRepliesKept) return;
    index_.erase(entries_.back().first);
    entries_.pop_back();
  }

 private:
  using Entries = std::list<std::pair<std::string, pb::LoadReply>>;
  Entries entries_;
  std::unordered_map<std::string, Entries::iterator> index_;
};

class Loader {
 public:
  Loader()
      : tool_({.snapshot = Snapshot::kLoad, .cpu_ms_max = kLoadCpuMsMax, .generates_code = false}) {
    Sha256("");  // OpenSSL reads its configuration on first use, which the sandbox would refuse
  }

  int Run() {
    return tool_.Run([this](std::string_view frame) -> std::optional<std::string> {
      pb::LoadRequest request;
      if (!request.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) {
        return std::nullopt;
      }
      return Load(request).SerializeAsString();
    });
  }

 private:
  pb::LoadReply Load(const pb::LoadRequest& request);
  pb::LoadReply Check(const pb::LoadRequest& request);
  // Both are steps of Check; false when JavaScript failed.
  bool Parse(v8::Local<v8::Context> context, v8::Local<v8::Object> tool,
             const pb::LoadRequest& request, pb::LoadReply* reply);
  bool Compile(v8::Local<v8::Context> context, v8::Local<v8::Object> tool,
               const pb::LoadRequest& request, pb::LoadReply* reply);

  ToolRole tool_;
  ReplyCache cache_;
};

void AddError(pb::LoadReply* reply, uint32_t line, uint32_t column, const std::string& message) {
  pb::Problem* problem = reply->add_problems();
  problem->set_line(line);
  problem->set_column(column);
  problem->set_message(message);
}

bool HasError(const pb::LoadReply& reply) {
  for (const pb::Problem& problem : reply.problems()) {
    if (!problem.warning()) return true;
  }
  return false;
}

uint32_t NumberField(v8::Local<v8::Context> context, v8::Local<v8::Object> object,
                     const char* name) {
  return GetField(context, object, name)->Uint32Value(context).FromMaybe(0);
}

void ReadProblems(v8::Local<v8::Context> context, v8::Local<v8::Array> list, pb::LoadReply* reply) {
  v8::Isolate* isolate = context->GetIsolate();
  for (uint32_t i = 0; i < list->Length(); ++i) {
    v8::Local<v8::Value> item;
    if (!list->Get(context, i).ToLocal(&item)) return;
    v8::Local<v8::Object> object = item.As<v8::Object>();
    AddError(reply, NumberField(context, object, "line"), NumberField(context, object, "column"),
             FromV8(isolate, GetField(context, object, "message")));
    pb::Problem* problem = reply->mutable_problems(reply->problems_size() - 1);
    problem->set_warning(GetField(context, object, "warning")->IsTrue());
    problem->set_source_line(FromV8(isolate, GetField(context, object, "sourceLine")));
  }
}

bool Loader::Parse(v8::Local<v8::Context> context, v8::Local<v8::Object> tool,
                   const pb::LoadRequest& request, pb::LoadReply* reply) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::Local<v8::Value> argv[] = {ToV8(isolate, request.source()),
                                 v8::Integer::NewFromUnsigned(isolate, request.dialect())};
  v8::Local<v8::Value> result;
  if (!GetField(context, tool, "load")
           .As<v8::Function>()
           ->Call(context, tool, 2, argv)
           .ToLocal(&result)) {
    return false;
  }
  v8::Local<v8::Object> fields = result.As<v8::Object>();
  ReadProblems(context, GetField(context, fields, "problems").As<v8::Array>(), reply);
  reply->set_meta_json(FromV8(isolate, GetField(context, fields, "metaJson")));
  reply->set_name(FromV8(isolate, GetField(context, fields, "name")));
  reply->set_description(FromV8(isolate, GetField(context, fields, "description")));
  reply->set_dialect(NumberField(context, fields, "dialect"));
  reply->set_entry(FromV8(isolate, GetField(context, fields, "entry")));
  return true;
}

// What acorn reads and V8 does not (syntax newer than this V8) is refused here, not in a host.
bool Loader::Compile(v8::Local<v8::Context> context, v8::Local<v8::Object> tool,
                     const pb::LoadRequest& request, pb::LoadReply* reply) {
  v8::Isolate* isolate = context->GetIsolate();
  v8::TryCatch caught(isolate);
  v8::Local<v8::Function> async_function =
      GetField(context, tool, "AsyncFunction").As<v8::Function>();
  std::string refusal;
  Body body;
  if (CompileBody(
          context, async_function,
          {.name = request.script_name(), .text = request.source(), .dialect = reply->dialect()},
          &body, &refusal)) {
    return true;
  }
  if (caught.HasTerminated()) return false;
  v8::Local<v8::Message> message = caught.Message();
  const int line = message.IsEmpty() ? 1 : message->GetLineNumber(context).FromMaybe(1);
  const int column = message.IsEmpty() ? 0 : message->GetStartColumn(context).FromMaybe(0);
  if (caught.HasCaught() && caught.Exception()->IsObject()) {
    refusal = FromV8(isolate, GetField(context, caught.Exception().As<v8::Object>(), "message"));
  }
  AddError(reply, static_cast<uint32_t>(line), static_cast<uint32_t>(column + 1), refusal);
  v8::Local<v8::Value> argv[] = {ToV8(isolate, request.source()), v8::Integer::New(isolate, line),
                                 v8::Integer::New(isolate, column)};
  v8::Local<v8::Value> excerpt;
  if (GetField(context, tool, "excerpt")
          .As<v8::Function>()
          ->Call(context, tool, 3, argv)
          .ToLocal(&excerpt)) {
    reply->mutable_problems(reply->problems_size() - 1)->set_source_line(FromV8(isolate, excerpt));
  }
  return true;
}

pb::LoadReply Loader::Check(const pb::LoadRequest& request) {
  pb::LoadReply reply;
  if (const std::optional<Utf8Fault> fault = FindUtf8Fault(request.source())) {
    AddError(&reply, fault->line, fault->column, "the script is not UTF-8 here");
    return reply;
  }
  const bool done = tool_.Call([&](v8::Local<v8::Context> context, v8::Local<v8::Object> tool) {
    return Parse(context, tool, request, &reply) &&
           (HasError(reply) || Compile(context, tool, request, &reply));
  });
  if (!done) {
    reply.Clear();
    AddError(
        &reply, 1, 1,
        tool_.timed_out() ? "the script takes too long to parse" : "the script cannot be parsed");
  }
  reply.set_ok(!HasError(reply));
  return reply;
}

pb::LoadReply Loader::Load(const pb::LoadRequest& request) {
  // The name stands in no reply, so it is not part of the key.
  const std::string key =
      Sha256(request.source()) + static_cast<char>('0' + request.dialect() % 10);
  pb::LoadReply reply;
  if (const pb::LoadReply* known = cache_.Find(key)) {
    reply = *known;
  } else {
    reply = Check(request);
    if (!tool_.timed_out()) cache_.Add(key, reply);
  }
  reply.set_id(request.id());
  return reply;
}

}  // namespace

int RunLoader() { return Loader().Run(); }

}  // namespace odw::script
