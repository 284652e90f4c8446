// Schemas that agent() refuses before a model is asked (SPEC D4, D16, P24); prelude/schema.js.
#include <gtest/gtest.h>

#include "daemon/script/test_fixture.h"

namespace odw::script {
namespace {

class SchemaTest : public HostedTest {
 protected:
  // What agent() rejects with; "" when it calls.
  static std::string Fault(const std::string& schema) {
    const WholeTurn turn = host_->Start("await agent('x', {schema: " + schema + "})");
    host_->End();
    if (turn.turn.calls_size() == 1) return "";
    return turn.turn.thrown().name() + ": " + turn.turn.thrown().message();
  }
  static void ExpectFault(const std::string& schema, const std::string& why) {
    const std::string fault = Fault(schema);
    EXPECT_EQ(fault.substr(0, 29), "TypeError: agent({schema}): t") << schema << " " << fault;
    EXPECT_NE(fault.find(why), std::string::npos) << schema << ": " << fault;
  }
};

TEST_F(SchemaTest, Spec_D4_P24_WhatIsNoSchemaRejects) {
  ExpectFault("{type: 'strnig'}", "/type: must be string");
  ExpectFault("{type: []}", "/type: names no type");
  ExpectFault("{type: 5}", "/type:");
  ExpectFault("{type: ['string', 'null', 'string']}", "/type: names string twice");
  ExpectFault("{properties: []}", "/properties: must be an object");
  ExpectFault("{properties: {a: 1}}",
              "/properties/a: must be an object (a JSON Schema) or a boolean");
  ExpectFault("{required: 'a'}", "/required: must be a list of property names");
  ExpectFault("{required: ['a', 'a']}", "names 'a' twice");
  ExpectFault("{properties: {a: {required: true}}}", "/properties/a/required");
  ExpectFault("{enum: 'a'}", "/enum: must be a list");
  ExpectFault("{enum: []}", "/enum: lists no value");
  ExpectFault("{items: {minimum: '1'}}", "/items/minimum: must be a number");
  ExpectFault("{multipleOf: 0}", "/multipleOf: must be a number above 0");
  ExpectFault("{minLength: -1}", "/minLength: must be a whole number");
  ExpectFault("{maxItems: 1.5}", "/maxItems: must be a whole number");
  ExpectFault("{uniqueItems: 1}", "/uniqueItems: must be true or false");
  ExpectFault("{pattern: '('}", "/pattern: '(' is no regular expression");
  ExpectFault("{patternProperties: {'[': {}}}", "is no regular expression");
  ExpectFault("{anyOf: []}", "/anyOf: lists no schema");
  ExpectFault("{allOf: {}}", "/allOf: must be a list of schemas");
  ExpectFault("{not: 5}", "/not: must be an object");
  ExpectFault("{$defs: {a: {type: 'x'}}}", "/$defs/a/type");
  ExpectFault("{description: 5}", "/description: must be a string");
}

TEST_F(SchemaTest, Spec_D12_P24_ReferencesStayInTheSchema) {
  ExpectFault("{$ref: 'http://example.org/x.json'}",
              "only references within the schema are followed");
  ExpectFault("{$ref: '#/$defs/none'}", "cannot be resolved");
  ExpectFault("{$ref: '#anchor'}", "cannot be resolved");
  ExpectFault("{properties: {a: {$ref: 'other.json#/a'}}}", "/properties/a/$ref");
  for (const char* schema :
       {"{$ref: '#/$defs/a', $defs: {a: {type: 'string'}}}",
        "{$ref: '#/$defs/a~1b%25', $defs: {'a/b%': {}}}",
        "{$ref: '#x', $defs: {a: {$anchor: 'x'}}}",
        "{$id: 'http://h/root', $ref: 'leaf', $defs: {l: {$id: 'http://h/leaf'}}}",
        "{$id: 'http://h/root', $ref: 'http://h/leaf', $defs: {l: {$id: 'leaf'}}}",
        "{definitions: {p: {type: 'object'}}, properties: {p: {$ref: '#/definitions/p'}}}",
        "{$ref: 'http://json-schema.org/draft-07/schema#'}",
        "{properties: {next: {$ref: '#'}, $ref: {type: 'string'}}}"}) {
    EXPECT_EQ(Fault(schema), "") << schema;
  }
}

TEST_F(SchemaTest, Spec_D16_WhatNothingCanMeetRejects) {
  ExpectFault("{type: 'object', required: ['b'], properties: {a: {}}, additionalProperties: false}",
              "requires 'b', which additionalProperties: false excludes");
  ExpectFault("{required: ['b'], properties: {a: {}}, additionalProperties: false}",
              "requires 'b'");
  ExpectFault("{type: 'object', required: ['a'], properties: {a: false}}", "/a allows no value");
  ExpectFault(
      "{type: 'object', required: ['a'], properties: {a: {type: 'object', required: ['z'],"
      "additionalProperties: false}}}",
      "/a requires 'z'");
  ExpectFault(
      "{type: 'object', allOf: [{required: ['b']}, {properties: {a: {}}, additionalProperties: "
      "false}]}",
      "requires 'b'");
  ExpectFault("{allOf: [{type: 'string'}, {type: 'number'}]}", "no type that is left");
  ExpectFault("{type: 'string', enum: [1, 2]}", "no type that is left");
  ExpectFault("{type: 'string', const: 1}", "no type that is left");
  ExpectFault("{type: 'integer', minimum: 5, maximum: 4}", "bounds that leave no number");
  ExpectFault("{type: 'number', exclusiveMinimum: 5, maximum: 5}", "bounds that leave no number");
  ExpectFault("{type: 'integer', minimum: 1.2, maximum: 1.8}", "no whole number");
  ExpectFault("{type: 'string', minLength: 5, maxLength: 4}", "minLength above its maxLength");
  ExpectFault("{type: 'array', minItems: 2, maxItems: 1}", "minItems above its maxItems");
  ExpectFault("{type: 'array', minItems: 1, items: false}", "/0 allows no value");
  ExpectFault("{type: 'object', minProperties: 2, maxProperties: 1}", "minProperties above");
  ExpectFault("{anyOf: [{type: 'string', const: 1}, false]}", "no branch of anyOf");
  ExpectFault("{not: {}}", "excludes every value");
  ExpectFault("{$ref: '#'}", "leads back to itself");
  ExpectFault(
      "{$ref: '#/$defs/a', $defs: {a: {$ref: '#/$defs/b'}, b: {allOf: [{$ref: '#/$defs/a'}]}}}",
      "leads back to itself");
  ExpectFault("{anyOf: [{$ref: '#'}]}", "without end");
  ExpectFault("{type: 'object', required: ['n'], properties: {n: {$ref: '#'}}}",
              "requires itself without end");
}

TEST_F(SchemaTest, Spec_D16_WhatSomethingMeetsIsCalled) {
  for (const char* schema :
       {"{}",
        "{type: 'object', properties: {n: {$ref: '#'}}}",
        "{type: ['object', 'null'], required: ['n'], properties: {n: {$ref: '#'}}}",
        "{type: 'object', required: ['n'], properties: {n: {anyOf: [{$ref: '#'}, {type: "
        "'null'}]}}}",
        "{type: 'array', items: {$ref: '#'}}",
        "{type: 'object', required: ['a']}",
        "{type: 'object', required: ['a'], additionalProperties: false, patternProperties: {'^a': "
        "{}}}",
        "{type: 'object', properties: {a: false}}",
        "{anyOf: [false, {type: 'string'}]}",
        "{type: 'integer', minimum: 4, maximum: 4}",
        "{type: 'number', enum: [1, 2.5]}",
        "{items: [{type: 'string'}], type: 'array'}",
        "{type: 'string', minimum: 5, maximum: 1}",
        "{type: 'string', format: 'email', pattern: '^[\\\\w-.]+$', default: 5}",
        "{required: ['b'], additionalProperties: false}",
        "{enum: [null, 'a']}",
        "{oneOf: [{type: 'object', required: ['k'], properties: {k: {const: 'a'}}}]}",
        "{unknown: {deep: [1]}, 'x-vendor': true}",
        "{allOf: [{$ref: '#/$defs/a'}, {$ref: '#/$defs/a'}],"
        "$defs: {a: {type: 'object'}}}",
        "{pattern: '^(a+)+$', type: 'string'}"}) {
    EXPECT_EQ(Fault(schema), "") << schema;
  }
}

TEST_F(SchemaTest, Spec_P24_BigDeepAndOddSchemasAreAnswered) {
  EXPECT_EQ(
      Fault("{type: 'object', properties: Object.fromEntries(Array.from({length: 20000}, (_, i) =>"
            "['key' + i, {type: 'string', description: 'x'.repeat(20)}]))}"),
      "");
  EXPECT_NE(
      Fault("(() => { let s = {}; for (let i = 0; i < 1000; i++) s = {items: s}; return s })()")
          .find("nests too deeply"),
      std::string::npos);
  // 2^40 ways through it; the search gives up and calls.
  EXPECT_EQ(
      Fault(
          "(() => { const $defs = {n0: {type: 'string'}}; for (let i = 1; i < 40; i++) $defs['n' + "
          "i] ="
          "{anyOf: [{allOf: [false, {$ref: '#/$defs/n' + (i - 1)}]}, {$ref: '#/$defs/n' + (i - 1)},"
          "{$ref: '#/$defs/n' + (i - 1)}]}; return {$defs, $ref: '#/$defs/n39'} })()"),
      "");
  EXPECT_EQ(Fault("new Proxy({type: 'string'}, {})"), "");
  EXPECT_EQ(Fault("{toJSON() { return {type: 'string'} }}"), "");
}

TEST_F(SchemaTest, Spec_P13_APollutedRealmDoesNotMisleadTheCheck) {
  EXPECT_EQ(Eval("Object.prototype.type = 'nonsense'; Object.prototype.$ref = 'http://x';"
                 "Array.prototype.push = () => { throw 1 }; RegExp = undefined; Map.prototype.get "
                 "= undefined;"
                 "String.prototype.indexOf = () => 0; Array.prototype[Symbol.iterator] = undefined;"
                 "let r = 'called';"
                 "agent('x', {schema: {properties: {a: {pattern: 'b', anyOf: [{$ref: '#'}, "
                 "{}]}}}}).catch((e) => { r = e.message });"
                 "await null; await null; return r"),
            "\"called\"");
}

TEST_F(SchemaTest, TheSameSchemaIsCheckedOnce) {
  const WholeTurn turn = host_->Start(
      "const schema = {type: 'object', properties: {a: {type: 'string'}}};"
      "for (let i = 0; i < 1000; i++) agent('x', {schema})");
  EXPECT_EQ(turn.turn.calls_size(), 1000);
  EXPECT_LT(turn.turn.cpu_us(), 2'000'000u);
  host_->End();
}

}  // namespace
}  // namespace odw::script
