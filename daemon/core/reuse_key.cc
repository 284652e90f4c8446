#include "daemon/core/reuse_key.h"

#include "daemon/base/sha256.h"

namespace odw::core {
namespace {

// Raised only when our own wording around a prompt changes in meaning: older results then no longer
// answer.
constexpr char kContractVersion[] = "odw-reuse-1";
constexpr size_t kRequestKeyBytes = 32;
constexpr size_t kPlaceKeyBytes = 16;

// Length-prefixed, so that no two lists of fields look alike.
class Fields {
 public:
  Fields& Add(const std::string& field) {
    text_ += std::to_string(field.size());
    text_ += ':';
    text_ += field;
    return *this;
  }
  template <typename List>
  Fields& AddList(const List& list) {
    Add(std::to_string(list.size()));
    for (const std::string& item : list) Add(item);
    return *this;
  }
  std::string Digest() const { return Sha256(text_); }

 private:
  std::string text_;
};

// Its answer depends on the files of a repository.
bool ReadsWorkspace(const v1::AgentRequest& request) {
  return request.isolation() == "worktree" || request.runtime() == "claude" ||
         request.runtime() == "codex";
}

}  // namespace

std::string RequestKey(const v1::RunSubmitted& header, const v1::AgentRequest& request,
                       const v1::Blob& prompt, const std::string& agent_sha256,
                       const std::string& child_path) {
  Fields fields;
  fields.Add(kContractVersion).Add(agent_sha256);
  // Small prompts travel as they are, others have been digested already.
  fields.Add(prompt.inline_()).Add(prompt.sha256());
  fields.Add(request.schema_json()).Add(request.schema_description());
  fields.Add(request.runtime()).Add(request.provider()).Add(request.model()).Add(request.effort());
  fields.AddList(request.tools()).Add(request.permission()).Add(request.network());
  fields.Add(request.command()).AddList(request.args()).Add(request.cwd());
  fields.Add(request.options_json()).Add(request.isolation());
  fields.Add(ReadsWorkspace(request) ? header.base_commit() : "");
  if (request.include_dirty()) fields.Add("dirty");
  fields.Add(child_path);
  return fields.Digest();
}

std::string RequestKeyOfId(const std::string& node_id, const std::string& fingerprint) {
  return Fields().Add(kContractVersion).Add("id").Add(node_id).Add(fingerprint).Digest();
}

bool Memoised(v1::Dialect dialect, const v1::AgentRequest& request) {
  return dialect == v1::ODW && !request.node_id().empty();
}

std::string OccurrenceKey(const std::string& request_key, const std::string& scope) {
  return request_key + scope;
}

std::string ReuseKey(const std::string& request_key, const std::string& scope,
                     uint32_t occurrence) {
  const std::string place = Fields().Add(scope).Add(std::to_string(occurrence)).Digest();
  return request_key + place.substr(0, kPlaceKeyBytes);
}

std::string RequestKeyOf(const std::string& reuse_key) {
  return reuse_key.substr(0, kRequestKeyBytes);
}

}  // namespace odw::core
