// No way round the determinism guards, no code from strings, no damage by rewriting intrinsics
// (SPEC C3 to C5, C9, C10, P13 to P18).
#include <gtest/gtest.h>

#include "daemon/script/test_fixture.h"

namespace odw::script {
namespace {

class EscapeTest : public HostedTest {
 protected:
  // What `expression` throws: "Name: message".
  static std::string Thrown(const std::string& expression) {
    return Eval("try { " + expression +
                "; return 'nothing thrown' } catch (e) { return `${e.name}: ${e.message}` }");
  }
};

const char kClock[] =
    "\"Error: Date.now() / new Date() are unavailable in workflow scripts (breaks resume).";

TEST_F(EscapeTest, Spec_C3_C4_C5_P14_NoWayToTheClock) {
  for (const char* expression :
       {"Date.now()",
        "new Date()",
        "Date()",
        "Date(0)",
        "new Date(0).constructor.now()",
        "Date.prototype.constructor.now()",
        "new Date.prototype.constructor()",
        "Object.getPrototypeOf(Object.create(Date.prototype)).constructor.now()",
        "Reflect.construct(Date, [])",
        "class D extends Date {}; new D()",
        "class D extends Date { constructor() { super() } } new D()",
        "Reflect.construct(Date, [], Object)",
        "Reflect.construct(Object.getPrototypeOf(class extends Date {}), [])",
        "Date.now.call()",
        "const {now} = Date; now()",
        "Reflect.apply(Date.now, null, [])",
        "Date.now.bind(null)()",
        "Date.call(null)",
        "Date.apply(new Date(0), [1])",
        "new (Date.bind(null))()",
        "Intl.DateTimeFormat().format()",
        "new Intl.DateTimeFormat('en').format(undefined)",
        "Intl.DateTimeFormat().formatToParts()",
        "[1].map(() => new Date())",
        "Object.getOwnPropertyDescriptor(Intl.DateTimeFormat.prototype, "
        "'format').get.call(Intl.DateTimeFormat())()",
        "const f = Intl.DateTimeFormat().format; f()",
        "new Date(...[])",
        "new (new Proxy(Date, {}))()",
        "Date.prototype.constructor = undefined; delete Date.prototype.constructor; new Date()"}) {
    EXPECT_EQ(Thrown(expression).substr(0, sizeof kClock - 1), kClock) << expression;
  }
  EXPECT_EQ(Thrown("Intl.DateTimeFormat().formatRange()").substr(0, 11), "\"TypeError:");
}

TEST_F(EscapeTest, Spec_C4_DatesOfGivenTimesWork) {
  EXPECT_EQ(
      Eval("class D extends Date { twice() { return this * 2 } }\n"
           "return [new Date(5).getTime(), new Date('2020-01-02').toISOString(), "
           "Date.parse('1970-01-01'), Date.UTC(1970, 0, 2),"
           "new Date(2020, 1).getMonth(), new Date(0) instanceof Date, new D(4).twice(), new D(1) "
           "instanceof D,"
           "Date.name, Date.length, new Date(new Date(3)) - 0, isNaN(new Date(undefined)),"
           "Object.prototype.toString.call(new Date(0)), Intl.DateTimeFormat().format(0), "
           "JSON.stringify(new Date(0))]"),
      R"([5,"2020-01-02T00:00:00.000Z",0,86400000,1,true,8,true,"Date",7,3,true,"[object Date]","1/1/1970","\"1970-01-01T00:00:00.000Z\""])");
}

TEST_F(EscapeTest, Spec_C3_NoChance) {
  for (const char* expression :
       {"Math.random()", "const {random} = Math; random()", "Reflect.apply(Math.random, null, [])",
        "Math.random.call(Math)"}) {
    EXPECT_EQ(Thrown(expression).substr(0, 78),
              "\"Error: Math.random() is unavailable in workflow scripts (breaks resume). Vary")
        << expression;
  }
}

TEST_F(EscapeTest, Spec_C9_P15_NoCodeFromStrings) {
  for (const char* expression :
       {"eval('1')", "(0, eval)('1')", "globalThis.eval('1')", "Function('return 1')()",
        "new Function('1')", "(() => {}).constructor('return 1')()",
        "(async () => {}).constructor('return 1')()", "(function* () {}).constructor('yield 1')",
        "(async function* () {}).constructor('1')", "[].constructor.constructor('return Date')()",
        "agent.constructor('return 1')()", "budget.spent.constructor('return 1')()",
        "console.log.constructor('return 1')()", "Reflect.construct(Function, ['1'])",
        "Promise.resolve.constructor('1')()", "agent('x').constructor.constructor('1')()",
        "try { agent.x.y } catch (e) { e.constructor.constructor('1')() }"}) {
    EXPECT_EQ(Thrown(expression).substr(0, 10), "\"EvalError") << expression;
  }
  EXPECT_EQ(Thrown("setTimeout('agent(1)', 0)").substr(0, 10), "\"TypeError");
}

TEST_F(EscapeTest, Spec_P16_EverythingIsOfTheScriptsRealm) {
  EXPECT_EQ(Eval("return [agent, parallel, pipeline, phase, log, workflow, setTimeout, "
                 "budget.spent, console.log, Date, Date.now,"
                 "Math.random].every(f => f instanceof Function && Object.getPrototypeOf(f) === "
                 "Function.prototype)"),
            "true");
  EXPECT_EQ(Eval("return Object.getPrototypeOf(async () => {}).constructor !== Function && "
                 "agent.constructor === Function"),
            "true");
}

TEST_F(EscapeTest, Spec_P13_RewritingIntrinsicsDoesNotBreakTheHost) {
  for (const char* pollution :
       {"Object.prototype.ok = false; Object.prototype.label = 'polluted'; Object.prototype.then = "
        "undefined;",
        "Array.prototype.map = Array.prototype.push = Array.prototype.join = () => { throw new "
        "Error('mine') };",
        "Promise.prototype.then = () => { throw new Error('then') };",
        "Promise.resolve = () => { throw 1 };",
        "JSON.stringify = () => 'bad'; JSON.parse = () => 'bad';",
        "Reflect.apply = () => { throw 2 };",
        "Array.prototype[Symbol.iterator] = () => { throw 3 };", "Object.freeze(globalThis);",
        "Map.prototype.get = Map.prototype.set = () => { throw 4 }; WeakMap.prototype.get = () => "
        "{ throw 4 };",
        "String.prototype.slice = () => { throw 5 }; globalThis.String = () => 'bad';",
        "Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => { "
        "throw 6 };",
        "Object.defineProperty = Object.freeze = Object.create = () => { throw 7 };",
        "globalThis.Promise = globalThis.Error = globalThis.TypeError = globalThis.Array = "
        "undefined;",
        "Error.prototype.toString = () => { throw 8 }; Error.captureStackTrace = undefined; "
        "Error.stackTraceLimit = 0;",
        "Error.prepareStackTrace = () => { throw 9 };",
        "delete globalThis.agent2; globalThis.log = 5;",
        "Object.setPrototypeOf(Array.prototype, null);", "Object.prototype.toJSON = undefined;"}) {
    host_->Start(std::string(pollution) +
                 "const r = await parallel([() => agent('a', {model: 'm'}), () => { throw new "
                 "Error('e') }]);"
                 "r[2] = (await pipeline([1], x => x, async x => x))[0]; return {r}");
    const WholeTurn turn = host_->SettleJson(1, R"({"v":1})");
    EXPECT_EQ(turn.result(), R"({"r":[{"v":1},null,1]})")
        << pollution << turn.turn.thrown().message();
    host_->End();
    // The next run in the same isolate sees nothing of it.
    EXPECT_EQ(
        Eval("return [{}.ok === undefined, [1].map(x => x), JSON.stringify({a: 1}), String(1)]"),
        R"([true,[1],"{\"a\":1}","1"])")
        << pollution;
  }
}

TEST_F(EscapeTest, Spec_P13_GlobalsMayBeReplacedOrRemoved) {
  EXPECT_EQ(Eval("globalThis.agent = () => 'mine'; return agent()"), "\"mine\"");
  EXPECT_EQ(Eval("return delete globalThis.agent && typeof agent"), "\"undefined\"");
  EXPECT_EQ(Eval("return typeof agent"), "\"function\"");
}

TEST_F(EscapeTest, Spec_P47_RunsDoNotSeeEachOther) {
  Eval(
      "globalThis.left = 1; Array.prototype.left = 1; agent.left = 1; console.left = 1; Math.left "
      "= 1;"
      "Symbol.for('left').constructor.left = 1; return 1");
  EXPECT_EQ(Eval("return [typeof left, [].left, agent.left, console.left, Math.left, "
                 "Symbol.left].map(x => x ?? null)"),
            R"(["undefined",null,null,null,null,null])");
}

}  // namespace
}  // namespace odw::script
