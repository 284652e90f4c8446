#include <gtest/gtest.h>

#include "executors/schema/json_in_text.h"
#include "executors/schema/schema_loop.h"

namespace odw::executors {
namespace {

TEST(JsonInText, IsFoundInAModelsWords) {
  EXPECT_EQ(ExtractJson(" {\"a\":1}\n"), "{\"a\":1}");
  EXPECT_EQ(ExtractJson("Sure:\n```json\n[1, 2]\n```\ndone"), "[1, 2]");
  EXPECT_EQ(ExtractJson("```\nnot json\n```\n```json\n{\"b\":2}\n```"), "{\"b\":2}");
  EXPECT_EQ(ExtractJson("it is {\"a\":{\"b\":1}}, see"), "{\"a\":{\"b\":1}}");
  EXPECT_EQ(ExtractJson("42"), "42");
  EXPECT_EQ(ExtractJson("null"), "null");
  EXPECT_EQ(ExtractJson("no json { here"), "");
  EXPECT_EQ(ExtractJson(""), "");
}

TEST(JsonInText, BracesInProseDoNotHideTheValue) {
  EXPECT_EQ(ExtractJson("use {braces} like this: {\"a\":\"}\"} and [so on]"), "{\"a\":\"}\"}");
  EXPECT_EQ(ExtractJson("[1] is short, {\"longer\":[1,2,3]} is the answer"),
            "{\"longer\":[1,2,3]}");
}

TEST(JsonInText, ManyOpenBracketsCostLittle) {
  EXPECT_EQ(ExtractJson("x " + std::string(20 << 20, '{')), "");
}

TEST(ObjectSchema, AnObjectStaysAsItIs) {
  const std::string schema = R"({"type":"object","properties":{"n":{"type":"integer"}}})";
  EXPECT_FALSE(ToObjectSchema(schema).wrapped);
  EXPECT_EQ(ToObjectSchema(schema).json, schema);
}

TEST(ObjectSchema, AnyOtherRootIsWrappedAndItsReferencesMoveWithIt) {
  const ObjectSchema list = ToObjectSchema(
      R"({"type":"array","items":{"$ref":"#/$defs/n"},"$defs":{"n":{"enum":["#/x"]}}})");
  EXPECT_TRUE(list.wrapped);
  EXPECT_NE(list.json.find(R"("$ref":"#/properties/value/$defs/n")"), std::string::npos)
      << list.json;
  EXPECT_NE(list.json.find(R"(["#/x"])"), std::string::npos) << list.json;
  EXPECT_TRUE(ToObjectSchema("true").wrapped);
  EXPECT_EQ(UnwrapValue(R"({"value":{"b":1,"a":2}})"), R"({"b":1,"a":2})");
  EXPECT_EQ(UnwrapValue("[1]"), "[1]");
}

TEST(ObjectSchema, StrictModeTakesClosedObjectsWithEveryKeyRequired) {
  EXPECT_TRUE(IsStrictSchema(
      R"({"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false})"));
  EXPECT_FALSE(IsStrictSchema(
      R"({"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]})"));
  EXPECT_FALSE(IsStrictSchema(
      R"({"type":"object","properties":{"n":{"type":"integer"}},"additionalProperties":false})"));
  EXPECT_FALSE(
      IsStrictSchema(R"({"type":"object","properties":{"n":{"type":"array","items":)"
                     R"({"type":"object"}}},"required":["n"],"additionalProperties":false})"));
}

}  // namespace
}  // namespace odw::executors
