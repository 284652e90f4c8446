// --validate: JSON Schemas, bad ones too, and made-up values (SPEC P24).
#include <gtest/gtest.h>

#include "daemon/script/test_tool.h"

namespace odw::script {
namespace {

using Reply = pb::ValidateReply;

class ValidatorTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    tool_ = new TestTool<pb::ValidateRequest, pb::ValidateReply>("--validate");
  }
  static void TearDownTestSuite() { delete tool_; }

  static Reply Check(const std::string& schema, const std::string& value) {
    pb::ValidateRequest request;
    request.set_schema_json(schema);
    request.set_value_json(value);
    return tool_->Ask(request);
  }
  static Reply CheckSchema(const std::string& schema) {
    pb::ValidateRequest request;
    request.set_schema_json(schema);
    return tool_->Ask(request);
  }
  static Reply Synthesize(const std::string& schema) {
    pb::ValidateRequest request;
    request.set_schema_json(schema);
    request.set_synthesize(true);
    return tool_->Ask(request);
  }
  static std::string Mismatch(const Reply& reply) {
    return reply.mismatches_size() > 0 ? reply.mismatches(0) : "";
  }

  static TestTool<pb::ValidateRequest, pb::ValidateReply>* tool_;
};
TestTool<pb::ValidateRequest, pb::ValidateReply>* ValidatorTest::tool_ = nullptr;

TEST_F(ValidatorTest, AcceptsWhatFitsAndNamesWhatDoesNot) {
  const std::string schema =
      R"({"type":"object","required":["id"],"additionalProperties":false,)"
      R"("properties":{"id":{"type":"string"},"tags":{"type":"array","items":{"enum":["a","b"]}}}})";
  EXPECT_EQ(Check(schema, R"({"id":"x","tags":["a"]})").verdict(), Reply::VALID);
  const Reply reply = Check(schema, R"({"z":1,"tags":["c"]})");
  EXPECT_EQ(reply.verdict(), Reply::INVALID);
  EXPECT_EQ(reply.mismatches_size(), 3);
  EXPECT_EQ(Mismatch(reply), "/ must have required property 'id'");
  EXPECT_EQ(reply.mismatches(1), "/ must NOT have additional properties: \"z\"");
  EXPECT_EQ(reply.mismatches(2),
            "/tags/0 must be equal to one of the allowed values: \"a\", \"b\"");
}

TEST_F(ValidatorTest, KeepsToTwentyMismatches) {
  EXPECT_EQ(Check(R"({"items":{"type":"string"}})",
                  "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]")
                .mismatches_size(),
            20);
}

TEST_F(ValidatorTest, TellsBadJsonFromBadSchemas) {
  EXPECT_EQ(Check("{}", "{").verdict(), Reply::NOT_JSON);
  EXPECT_EQ(Check("{", "1").verdict(), Reply::BAD_SCHEMA);
  EXPECT_EQ(Check("[]", "1").verdict(), Reply::BAD_SCHEMA);
  EXPECT_EQ(Check("\"file.json\"", "1").verdict(), Reply::BAD_SCHEMA);
  EXPECT_EQ(CheckSchema(R"({"type":"strnig"})").verdict(), Reply::BAD_SCHEMA);
  EXPECT_EQ(CheckSchema(R"({"type":"object","properties":{"a":{"minimum":"x"}}})").verdict(),
            Reply::BAD_SCHEMA);
  EXPECT_EQ(CheckSchema("{}").verdict(), Reply::VALID);
  EXPECT_EQ(CheckSchema("true").verdict(), Reply::VALID);
}

TEST_F(ValidatorTest, RemoteReferencesAreRefused) {
  const Reply reply = CheckSchema(R"({"$ref":"http://example.org/x.json"})");
  EXPECT_EQ(reply.verdict(), Reply::BAD_SCHEMA);
  EXPECT_NE(Mismatch(reply).find("only references within the schema"), std::string::npos);
}

TEST_F(ValidatorTest, LocalAndRecursiveReferencesWork) {
  const std::string tree =
      R"({"$ref":"#/$defs/node","$defs":{"node":{"type":"object","required":["v"],)"
      R"("properties":{"v":{"type":"integer"},"kids":{"type":"array","items":{"$ref":"#/$defs/node"}}}}}})";
  EXPECT_EQ(Check(tree, R"({"v":1,"kids":[{"v":2,"kids":[]}]})").verdict(), Reply::VALID);
  EXPECT_EQ(Mismatch(Check(tree, R"({"v":1,"kids":[{"v":"x"}]})")), "/kids/0/v must be integer");
}

TEST_F(ValidatorTest, AReferenceToTheRootWorksWithoutAnId) {
  for (const char* draft : {"", R"("$schema":"http://json-schema.org/draft-07/schema#",)"}) {
    const std::string list =
        std::string("{") + draft +
        R"("type":"object","properties":{"next":{"$ref":"#"},"v":{"type":"integer"}}})";
    EXPECT_EQ(Check(list, R"({"v":1,"next":{"v":2}})").verdict(), Reply::VALID);
    EXPECT_EQ(Mismatch(Check(list, R"({"next":{"v":"x"}})")), "/next/v must be integer");
  }
}

TEST_F(ValidatorTest, DraftSevenIsUsedWhereTheSchemaNeedsIt) {
  const std::string tuple = R"({"type":"array","items":[{"type":"string"},{"type":"number"}]})";
  EXPECT_EQ(Check(tuple, R"(["a",1])").verdict(), Reply::VALID);
  EXPECT_EQ(Check(tuple, R"([1,1])").verdict(), Reply::INVALID);
  EXPECT_EQ(
      Check(R"({"$schema":"http://json-schema.org/draft-07/schema#","type":"string"})", "\"x\"")
          .verdict(),
      Reply::VALID);
  EXPECT_EQ(Check(R"({"$schema":"https://json-schema.org/draft/2020-12/schema",)"
                  R"("prefixItems":[{"type":"string"}]})",
                  "[1]")
                .verdict(),
            Reply::INVALID);
}

TEST_F(ValidatorTest, TwoSchemasMayShareAnId) {
  EXPECT_EQ(Check(R"({"$id":"http://x/s","type":"string"})", "1").verdict(), Reply::INVALID);
  EXPECT_EQ(Check(R"({"$id":"http://x/s","type":"number"})", "1").verdict(), Reply::VALID);
}

TEST_F(ValidatorTest, NamedSchemasInsideAreFoundByTheirNames) {
  for (
      const char* schema :
      {R"({"$id":"http://h/tree","type":"object","properties":{"kids":{"type":"array","items":{"$ref":"node"}}},)"
       R"("$defs":{"n":{"$id":"http://h/node","type":"object","required":["v"],)"
       R"("properties":{"tree":{"$ref":"tree"}}}}})",
       R"({"$id":"http://h/a","$ref":"b","$defs":{"b":{"$id":"http://h/b","$ref":"#/$defs/c",)"
       R"("$defs":{"c":{"properties":{"kids":{"type":"array","items":{"required":["v"]}}}}}}}})"}) {
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(Check(schema, R"({"kids":[{"v":1}]})").verdict(), Reply::VALID) << schema;
      EXPECT_EQ(Mismatch(Check(schema, R"({"kids":[{}]})")),
                "/kids/0 must have required property 'v'");
    }
  }
  EXPECT_EQ(
      Check(R"({"$id":"http://json-schema.org/draft-07/schema#","type":"string"})", "1").verdict(),
      Reply::INVALID);
}

TEST_F(ValidatorTest, InDraftSevenAReferenceStandsAlone) {
  const std::string body = R"("properties":{"a":{"$ref":"#/definitions/l","maxItems":1}},)"
                           R"("definitions":{"l":{"type":"array"}}})";
  EXPECT_EQ(
      Check(R"({"$schema":"http://json-schema.org/draft-07/schema#",)" + body, R"({"a":[1,2]})")
          .verdict(),
      Reply::VALID);
  EXPECT_EQ(Check("{" + body, R"({"a":[1,2]})").verdict(), Reply::INVALID);
}

TEST_F(ValidatorTest, AnOldNameIsAnUnknownKeyword) {
  const std::string schema =
      R"({"id":"http://h/x","type":"object","required":["id"],"properties":{"id":{"id":"y","type":"string"}}})";
  EXPECT_EQ(Check(schema, R"({"id":"z"})").verdict(), Reply::VALID);
  EXPECT_EQ(Mismatch(Check(schema, R"({"id":5})")), "/id must be string");
}

TEST_F(ValidatorTest, ManySchemasOneAfterTheOther) {
  for (int i = 0; i < 200; ++i) {
    const std::string number = std::to_string(i);
    EXPECT_EQ(Check(R"({"const":)" + number + "}", number).verdict(), Reply::VALID);
    EXPECT_EQ(
        Check(R"({"$id":"http://h/)" + number + R"(","const":)" + number + "}", "-1").verdict(),
        Reply::INVALID);
    EXPECT_EQ(Check(i % 2 == 0 ? "true" : "false", "1").verdict(),
              i % 2 == 0 ? Reply::VALID : Reply::INVALID);
  }
  EXPECT_EQ(Mismatch(Check("false", "1")), "/ boolean schema is false");
}

TEST_F(ValidatorTest, WhatIsDataInASchemaDoesNotPickTheDraft) {
  const std::string schema = R"({"enum":[{"items":[1]},2],"prefixItems":[{"type":"string"}]})";
  EXPECT_EQ(Check(schema, "2").verdict(), Reply::VALID);
  EXPECT_EQ(Check(R"({"default":{"items":[]},"prefixItems":[{"type":"string"}]})", "[1]").verdict(),
            Reply::INVALID);
}

TEST_F(ValidatorTest, InheritedPropertiesDoNotCount) {
  EXPECT_EQ(Check(R"({"type":"object","required":["toString"]})", "{}").verdict(), Reply::INVALID);
  EXPECT_EQ(Check(R"({"type":"object","required":["__proto__"]})", R"({"__proto__":1})").verdict(),
            Reply::VALID);
}

TEST_F(ValidatorTest, SloppyPatternsWork) {
  EXPECT_EQ(Check(R"({"type":"string","pattern":"^[\\w-.]+$"})", "\"a-b.c\"").verdict(),
            Reply::VALID);
}

TEST_F(ValidatorTest, Spec_D16_ContradictorySchemasAreFoundBeforeUse) {
  const Reply reply = CheckSchema(
      R"({"type":"object","required":["a"],"properties":{"b":{}},"additionalProperties":false})");
  EXPECT_EQ(reply.verdict(), Reply::BAD_SCHEMA);
  EXPECT_NE(Mismatch(reply).find("requires 'a'"), std::string::npos);
}

TEST_F(ValidatorTest, APatternThatBacktracksForEverIsCutOff) {
  const std::string value = "\"" + std::string(60, 'a') + "!\"";
  const Reply reply = Check(R"({"type":"string","pattern":"^(a+)+$"})", value);
  EXPECT_EQ(reply.verdict(), Reply::TIMED_OUT);
  EXPECT_EQ(Check("{\"type\":\"string\"}", "\"x\"").verdict(), Reply::VALID);
}

TEST_F(ValidatorTest, ALongAlternationDoesNotOverflow) {
  const std::string value = "\"" + std::string(200000, 'a') + "\"";
  const Reply::Verdict verdict = Check(R"({"pattern":"^(a|b)*$"})", value).verdict();
  EXPECT_TRUE(verdict == Reply::VALID || verdict == Reply::BAD_SCHEMA) << verdict;
  EXPECT_EQ(Check("{}", "1").verdict(), Reply::VALID);
}

TEST_F(ValidatorTest, DeepValuesAndSchemasAreAnswered) {
  const std::string deep = std::string(20000, '[') + std::string(20000, ']');
  EXPECT_EQ(
      Check(R"({"$ref":"#/$defs/a","$defs":{"a":{"items":{"$ref":"#/$defs/a"}}}})", deep).verdict(),
      Reply::BAD_SCHEMA);
  std::string schema = "{}";
  for (int i = 0; i < 5000; ++i) schema = R"({"items":)" + schema + "}";
  EXPECT_EQ(CheckSchema(schema).verdict(), Reply::BAD_SCHEMA);
}

TEST_F(ValidatorTest, MakesUpAMinimalValueForTheMock) {
  const struct {
    const char* schema;
    const char* value;
  } cases[] = {
      {R"({"type":"object","required":["a","b"],"properties":{"a":{"type":"string"},"b":{"type":"integer"},"c":{}}})",
       R"({"a":"mock","b":0})"},
      {R"({"type":"array","items":{"type":"number"}})", "[]"},
      {R"({"type":"array","minItems":2,"items":{"type":"boolean"}})", "[false,false]"},
      {R"({"type":"array","minItems":3,"uniqueItems":true,"items":{"type":"integer"}})", "[0,1,2]"},
      {R"({"type":"array","minItems":2,"uniqueItems":true,"items":{"type":"string"}})",
       R"(["mock","mock1"])"},
      {R"({"enum":["x","y"]})", R"("x")"},
      {R"({"const":{"k":[1]}})", R"({"k":[1]})"},
      {R"({"type":"integer","minimum":5,"multipleOf":4})", "8"},
      {R"({"type":"integer","maximum":-3})", "-3"},
      {R"({"type":"number","exclusiveMinimum":0,"maximum":1})", "1"},
      {R"({"type":"integer","exclusiveMinimum":10})", "11"},
      {R"({"type":"string","minLength":6})", R"("mockxx")"},
      {R"({"type":"string","maxLength":2})", R"("mo")"},
      {R"({"type":"string","pattern":"^[A-Z]{3}-\\d+$"})", R"("AAA-0")"},
      {R"({"type":"string","pattern":"^(red|blue)$"})", R"("red")"},
      {R"({"type":["string","null"]})", R"("mock")"},
      {R"({"anyOf":[{"type":"null"},{"type":"string"}]})", "null"},
      {R"({"oneOf":[{"type":"object","required":["k"],"properties":{"k":{"const":"a"}}}]})",
       R"({"k":"a"})"},
      {R"({"allOf":[{"type":"object","required":["a"],"properties":{"a":{"type":"null"}}},{"required":["b"],"properties":{"b":{"const":1}}}]})",
       R"({"a":null,"b":1})"},
      {R"({"$ref":"#/$defs/n","$defs":{"n":{"type":"object","required":["v"],"properties":{"v":{"type":"integer"},"next":{"$ref":"#/$defs/n"}}}}})",
       R"({"v":0})"},
      {R"({})", "{}"},
      {R"({"type":"object","minProperties":2})", R"({"key1":{},"key2":{}})"},
      {R"({"type":"array","items":[{"type":"string"},{"type":"number"}],"minItems":2})",
       R"(["mock",0])"},
      {R"({"type":"string","format":"date"})", R"("2020-01-01")"},
      {R"({"not":{"type":"string"}})", "{}"},
  };
  for (const auto& [schema, value] : cases) {
    const Reply reply = Synthesize(schema);
    EXPECT_EQ(reply.verdict(), Reply::VALID) << schema << ": " << Mismatch(reply);
    EXPECT_EQ(reply.value_json(), value) << schema;
  }
}

TEST_F(ValidatorTest, SaysSoWhenItCannotMakeAValue) {
  EXPECT_EQ(Synthesize(R"({"type":"string","minLength":5,"maxLength":2})").verdict(),
            Reply::INVALID);
  EXPECT_EQ(Synthesize("false").verdict(), Reply::INVALID);
}

}  // namespace
}  // namespace odw::script
