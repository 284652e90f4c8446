// agent() (SPEC D), with the ids in the names.
#include <gtest/gtest.h>

#include "daemon/script/test_fixture.h"

namespace odw::script {
namespace {

using AgentTest = HostedTest;

TEST_F(AgentTest, Spec_D1_TextStaysText) {
  EXPECT_EQ(Drive("return await agent('{\"a\":1}')"), R"("{\"a\":1}")");
}

TEST_F(AgentTest, Spec_D5_OptionsReachTheCall) {
  const WholeTurn turn = host_->Start(
      "phase('P'); agent('p', {label: 'L', model: 'opus', runtime: 'command', provider: 'pr', "
      "effort: 'high',"
      "agentType: 'Explore', isolation: 'worktree', schema: {type: 'object', properties: {b: {}, "
      "a: {}}},"
      "command: 'wc', args: ['-l', 5], cwd: '/tmp', timeoutMs: 1500.7, tools: ['Read', 'Grep'],"
      "permission: 'plan', schemaDescription: 'sd', zeta: 1, alpha: {y: 1, x: [2]}, fn() {}, u: "
      "undefined,"
      "big: 1n, sym: Symbol()});");
  ASSERT_EQ(turn.turn.calls_size(), 1);
  const pb::AgentRequest request = RequestOf(turn.turn.calls(0));
  EXPECT_EQ(request.prompt(), "p");
  EXPECT_EQ(request.label(), "L");
  EXPECT_EQ(request.phase(), "P");
  EXPECT_EQ(request.model(), "opus");
  EXPECT_EQ(request.runtime(), "command");
  EXPECT_EQ(request.provider(), "pr");
  EXPECT_EQ(request.effort(), "high");
  EXPECT_EQ(request.agent_type(), "Explore");
  EXPECT_EQ(request.isolation(), "worktree");
  EXPECT_EQ(request.schema_json(), R"({"properties":{"a":{},"b":{}},"type":"object"})");
  EXPECT_EQ(request.command(), "wc");
  ASSERT_EQ(request.args_size(), 2);
  EXPECT_EQ(request.args(1), "5");
  EXPECT_EQ(request.cwd(), "/tmp");
  EXPECT_EQ(request.timeout_ms(), 1500u);
  ASSERT_EQ(request.tools_size(), 2);
  EXPECT_EQ(request.tools(0), "Read");
  EXPECT_EQ(request.permission(), "plan");
  EXPECT_EQ(request.schema_description(), "sd");
  EXPECT_EQ(request.options_json(), R"({"alpha":{"x":[2],"y":1},"zeta":1})");
  host_->End();
}

TEST_F(AgentTest, Spec_D6_F1_PhaseIsTheCallsOrTheCurrentOne) {
  const WholeTurn turn = host_->Start(
      "agent('0'); phase('A'); agent('1'); agent('2', {phase: 'B'}); agent('3'); return "
      "phase('A')");
  Strings phases;
  for (const pb::Call& call : turn.turn.calls()) phases.push_back(RequestOf(call).phase());
  EXPECT_EQ(phases, (Strings{"", "A", "B", "A"}));
  EXPECT_EQ(turn.Lines(pb::Line::PHASE), (Strings{"A", "A"}));
  EXPECT_EQ(turn.result(), "null");
  host_->End();
}

TEST_F(AgentTest, Spec_D12_IsolationsThatDoNotExist) {
  EXPECT_EQ(Eval("try { await agent('x', {isolation: 'remote'}) } catch (e) { return e.message }"),
            "\"agent({isolation:'remote'}) is not available in this build\"");
  const WholeTurn turn =
      host_->Start("agent('x', {isolation: 'moon'}); agent('y', {isolation: undefined})");
  EXPECT_EQ(turn.turn.calls_size(), 2);
  EXPECT_EQ(RequestOf(turn.turn.calls(0)).isolation(), "");
  EXPECT_EQ(turn.Lines(pb::Line::WARNING).size(), 1u);
  host_->End();
}

TEST_F(AgentTest, Spec_D13_P19_OptionsOfEveryShape) {
  const WholeTurn turn = host_->Start(
      "for (const o of [undefined, null, 5, 'text', [], new Map(), true, Object.freeze({}),"
      "{_predispatch: 1}]) agent('x', o); return 1");
  EXPECT_EQ(turn.turn.calls_size(), 9);
  host_->End();
  EXPECT_EQ(Eval("let reads = 0; agent('x', {get label() { reads++; return 'l' }}); return reads"),
            "1");
  EXPECT_EQ(Eval("let traps = 0; agent('x', new Proxy({label: 'a'}, {get(t, k) { traps++; return "
                 "t[k] }}));"
                 "return traps"),
            "1");
  EXPECT_EQ(Eval("try { await agent('x', {get model() { throw new Error('mine') }}) } catch (e) { "
                 "return e.message }"),
            "\"mine\"");
  EXPECT_EQ(Eval("try { await agent('x', new Proxy({}, {ownKeys() { throw new Error('trap') }})) }"
                 "catch (e) { return e.message }"),
            "\"trap\"");
}

TEST_F(AgentTest, Spec_D17_P20_PromptsOfEveryShape) {
  const auto prompt = [](const std::string& expression) {
    const WholeTurn turn = host_->Start("await agent(" + expression + ")");
    host_->End();
    if (turn.turn.calls_size() == 1) return RequestOf(turn.turn.calls(0)).prompt();
    return "threw " + turn.turn.thrown().name();
  };
  EXPECT_EQ(prompt(""), "threw TypeError");
  EXPECT_EQ(prompt("undefined"), "threw TypeError");
  EXPECT_EQ(prompt("null"), "threw TypeError");
  EXPECT_EQ(prompt("Symbol()"), "threw TypeError");
  EXPECT_EQ(prompt("Object.create(null)"), "threw TypeError");
  EXPECT_EQ(prompt("''"), "");
  EXPECT_EQ(prompt("['a', 'b']"), "a,b");
  EXPECT_EQ(prompt("5"), "5");
  EXPECT_EQ(prompt("{}"), "[object Object]");
  EXPECT_EQ(prompt("'é\\u{1F600}\\u05d0'"), "é😀א");
  EXPECT_EQ(prompt("'a\\u0000b'"), std::string("a\0b", 3));
  EXPECT_EQ(prompt("'a\\ud800b'"),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(prompt("'x'.repeat(1e7)").size(), 10000000u);
  EXPECT_EQ(prompt("'x'.repeat(17 * 1024 * 1024)"), "threw RangeError");
}

TEST_F(AgentTest, Spec_P24_SchemasThatAreNone) {
  for (const char* schema : {"true", "1", "[]", "() => 1", "{toJSON() {}}", "{a: 1n}"}) {
    const std::string body = std::string("try { await agent('x', {schema: ") + schema +
                             "}) } catch (e) { return e.name }";
    EXPECT_EQ(Eval(body), "\"TypeError\"") << schema;
  }
  EXPECT_EQ(
      Eval("const s = {type: 'object'}; s.self = s;"
           "try { await agent('x', {schema: s}) } catch (e) { return e.message.slice(0, 52) }"),
      "\"agent({schema}): the schema is not plain JSON: TypeE\"");
  const WholeTurn turn = host_->Start(
      "agent('x', {schema: Object.freeze({type: 'string'})}); agent('y', {schema: {}})");
  EXPECT_EQ(RequestOf(turn.turn.calls(0)).schema_json(), R"({"type":"string"})");
  EXPECT_EQ(RequestOf(turn.turn.calls(1)).schema_json(), "{}");
  host_->End();
}

TEST_F(AgentTest, Spec_P21_ThePromiseIsTheRealmsOwn) {
  EXPECT_EQ(Drive("const p = agent('a'); return [p instanceof Promise, p.constructor === Promise,"
                  "await p === await p, await p.finally(() => 0)]"),
            "[true,true,true,\"a\"]");
  EXPECT_EQ(Drive("return [await Promise.all([agent('a'), agent('b')]),"
                  "await Promise.race([agent('c'), agent('d')]),"
                  "(await Promise.allSettled([agent('!e')]))[0].reason.message,"
                  "await Promise.any([agent('!f'), agent('g')])]"),
            R"([["a","b"],"c","e","g"])");
}

TEST_F(AgentTest, Spec_C10_P16_WhatComesBackIsTheRealmsOwn) {
  const WholeTurn turn = host_->Start(
      "const r = []; const own = x => x instanceof Object;\n"
      "const a = await agent('1'); r.push(own(a), Array.isArray(a.list), a.list.constructor === "
      "Array);\n"
      "try { await agent('2') } catch (e) { r.push(e instanceof TypeError, e instanceof Error, "
      "e.message, e.code,"
      "e.constructor === TypeError, Object.keys(e).length) }\n"
      "try { await agent('3') } catch (e) { r.push(e instanceof Error, e.name, String(e)) }\n"
      "try { await agent('x', {isolation: 'remote'}) } catch (e) { r.push(e instanceof Error) }\n"
      "try { await parallel(1) } catch (e) { r.push(e instanceof TypeError) }\n"
      "r.push(own(args), own(budget), own(await parallel([])), own(parallel([])));\n"
      "return r",
      [] {
        pb::Start options;
        options.set_args_json("{}");
        return options;
      }());
  ASSERT_EQ(turn.turn.calls_size(), 1);
  host_->SettleJson(1, R"({"list":[1]})");
  pb::ToHost message = host_->NewSettle(2);
  message.mutable_settle()->mutable_rejection()->set_name("TypeError");
  message.mutable_settle()->mutable_rejection()->set_message("bad");
  message.mutable_settle()->mutable_rejection()->set_code("E_BAD");
  host_->Send(message);
  host_->ReceiveTurn();
  message = host_->NewSettle(3);
  message.mutable_settle()->mutable_rejection()->set_name("BudgetError");
  message.mutable_settle()->mutable_rejection()->set_message("spent");
  host_->Send(message);
  EXPECT_EQ(
      host_->ReceiveTurn().result(),
      R"([true,true,true,true,true,"bad","E_BAD",true,0,true,"BudgetError","BudgetError: spent",)"
      R"(true,true,true,true,true,true])");
  host_->End();
}

TEST_F(AgentTest, Spec_P24_ProtoInAValueIsAnOwnProperty) {
  host_->Start(
      "const v = await agent('x');"
      "return [Object.keys(v), v.polluted === undefined, {}.polluted === undefined]");
  EXPECT_EQ(host_->SettleJson(1, R"({"__proto__":{"polluted":1}})").result(),
            R"([["__proto__"],true,true])");
  host_->End();
}

TEST_F(AgentTest, Spec_P22_P23_CallsNobodyAwaitsAreSent) {
  const WholeTurn turn =
      host_->Start("agent('left'); Promise.resolve().then(() => agent('later')); return 1");
  EXPECT_EQ(turn.turn.calls_size(), 2);
  EXPECT_EQ(turn.result(), "1");
  host_->End();
}

}  // namespace
}  // namespace odw::script
