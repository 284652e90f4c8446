// The shapes of a schema that runtimes with structured output of their own can take.
#include <nlohmann/json.hpp>
#include <set>

#include "executors/schema/schema_loop.h"

namespace odw::executors {
namespace {

using Json = nlohmann::json;

constexpr char kValue[] = "value";
constexpr char kMovedRoot[] = "#/properties/value";
constexpr int kDepthMax = 200;  // a deeper one is left as it is: validation is ours anyway

// "#" and "#/..." mean the root, which is one level deeper now. Data (enum, const, ...) is left
// alone.
void MoveReferences(Json* node, int depth) {
  static const std::set<std::string> kData = {"enum", "const", "default", "examples"};
  if (depth > kDepthMax) return;
  if (node->is_array()) {
    for (Json& item : *node) MoveReferences(&item, depth + 1);
  }
  if (!node->is_object()) return;
  for (auto& [key, value] : node->items()) {
    if (key == "$ref" && value.is_string()) {
      const std::string target = value.get<std::string>();
      if (target == "#" || target.rfind("#/", 0) == 0) value = kMovedRoot + target.substr(1);
    } else if (kData.count(key) == 0) {
      MoveReferences(&value, depth + 1);
    }
  }
}

bool IsStrict(const Json& node, int depth) {
  // What strict mode is documented to refuse.
  static const std::set<std::string> kRefused = {"allOf",
                                                 "oneOf",
                                                 "not",
                                                 "if",
                                                 "then",
                                                 "else",
                                                 "dependentRequired",
                                                 "dependentSchemas",
                                                 "patternProperties",
                                                 "uniqueItems",
                                                 "prefixItems",
                                                 "contains"};
  if (depth > kDepthMax) return false;
  if (node.is_array()) {
    for (const Json& item : node) {
      if (!IsStrict(item, depth + 1)) return false;
    }
    return true;
  }
  if (!node.is_object()) return true;
  const auto properties = node.find("properties");
  const bool is_object = node.value("type", Json()) == "object" || properties != node.end();
  if (is_object) {
    if (node.value("additionalProperties", Json()) != false) return false;
    std::set<std::string> required;
    for (const Json& key : node.value("required", Json::array())) {
      if (key.is_string()) required.insert(key.get<std::string>());
    }
    if (properties != node.end() && properties->is_object()) {
      for (const auto& [key, value] : properties->items()) {
        if (required.count(key) == 0 || !IsStrict(value, depth + 1)) return false;
      }
    }
  }
  for (const auto& [key, value] : node.items()) {
    if (kRefused.count(key) > 0) return false;
    if (key != "properties" && key != "enum" && key != "const" && !IsStrict(value, depth + 1))
      return false;
  }
  return true;
}

}  // namespace

ObjectSchema ToObjectSchema(const std::string& schema_json) {
  Json schema = Json::parse(schema_json, nullptr, false);
  if (schema.is_discarded()) return {.json = schema_json, .wrapped = false};
  if (schema.is_object() && schema.value("type", Json()) == "object")
    return {.json = schema_json, .wrapped = false};
  Json wrapper = {{"type", "object"}, {"required", {kValue}}, {"additionalProperties", false}};
  if (schema.is_object() && schema.contains("$schema")) {
    wrapper["$schema"] = schema["$schema"];
    schema.erase("$schema");
  }
  MoveReferences(&schema, 0);
  wrapper["properties"][kValue] = std::move(schema);
  return {.json = wrapper.dump(), .wrapped = true};
}

std::string UnwrapValue(const std::string& json) {
  // Ordered: the script sees the model's order of keys.
  const auto whole = nlohmann::ordered_json::parse(json, nullptr, false);
  if (!whole.is_object() || whole.size() != 1 || !whole.contains(kValue)) return json;
  return whole[kValue].dump();
}

bool IsStrictSchema(const std::string& schema_json) {
  const Json schema = Json::parse(schema_json, nullptr, false);
  return schema.is_object() && IsStrict(schema, 0);
}

}  // namespace odw::executors
