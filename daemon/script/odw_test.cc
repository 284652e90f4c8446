// What the odw dialect adds (SPEC O), with the ids in the names.
#include <gtest/gtest.h>

#include "daemon/base/canonical_json.h"
#include "daemon/script/test_fixture.h"

namespace odw::script {
namespace {

constexpr uint32_t kBuiltin = 1, kOdw = 2;

class OdwTest : public HostedTest {
 protected:
  static pb::Start In(uint32_t dialect, const std::string& args = "",
                      const std::string& odw_json = "") {
    pb::Start options;
    options.set_dialect(dialect);
    options.set_run_id("wf_run-1");
    if (!args.empty()) options.set_args_json(args);
    options.set_odw_json(odw_json);
    return options;
  }
  static pb::Start Odw(const std::string& args = "", const std::string& odw_json = "") {
    return In(kOdw, args, odw_json);
  }
  // A whole file that ends in its first turn.
  static std::string Whole(const std::string& source, pb::Start options = Odw(R"({"a":5})")) {
    const WholeTurn turn = host_->StartSource(source, std::move(options));
    host_->End();
    if (turn.returned()) return turn.result();
    return turn.turn.thrown().name() + ": " + turn.turn.thrown().message();
  }
};

TEST_F(OdwTest, Spec_O18_AnExportedFunctionIsCalledWithTheInput) {
  const std::string meta = "export const meta = { name: 'a', description: 'd' };\n";
  for (const char* entry :
       {"export default async function (input) { return input.a }",
        "export default function (input) { return input.a }",
        "export default function main(input) { return input.a } main.x = 1;",
        "export default async (input) => input.a", "export default (input) => { return input.a };",
        "const main = async (input) => input.a; export default main",
        "export async function workflow(input) { return input.a }",
        "export function workflow(input) { return input.a }",
        "export const workflow = async ({ a }) => a",
        "const late = (input) => later(input)\nexport default late\nconst later = (i) => i.a",
        "export default async function(){ return args.a }\n[1].map(() => 0)",
        "const a = await Promise.resolve(1); export default (input) => input.a * a"}) {
    EXPECT_EQ(Whole(meta + entry), "5") << entry;
    EXPECT_EQ(Whole(entry), "5") << entry;
    EXPECT_EQ(Whole("#!/usr/bin/env odw\n// 'export'\n" + meta + entry + "\r\n// end"), "5");
  }
  EXPECT_EQ(Whole(meta + "export default (input) => input", Odw()), "null");
  EXPECT_EQ(Whole(meta + "export function workflow() { return 1 }\nexport default () => 2"), "2");
}

TEST_F(OdwTest, Spec_O18_AnEntryThatIsNoFunctionIsToldAndAnEntryMayThrow) {
  EXPECT_NE(Whole("const x = 5; export default x").find("TypeError: the entry"), std::string::npos);
  EXPECT_EQ(Whole("export default () => { throw new RangeError('r') }"), "RangeError: r");
  EXPECT_EQ(Whole("throw new Error('top'); export default () => 1"), "Error: top");
  EXPECT_EQ(Whole("await null; null.x; export default () => 1").substr(0, 9), "TypeError");
}

TEST_F(OdwTest, Spec_O18_P10_PlacesInAnEntryAreTheFiles) {
  const WholeTurn turn = host_->StartSource(
      "export const meta = { name: 'é😀' };\nexport default async function (input) {\n"
      "  await agent('x');\n  nowhere();\n}",
      Odw());
  EXPECT_EQ(turn.turn.calls_size(), 1);
  const pb::Thrown thrown = host_->SettleText(1, "x").turn.thrown();
  EXPECT_EQ(thrown.message(), "nowhere is not defined");
  EXPECT_NE(thrown.stack().find("flow.js:4:3"), std::string::npos) << thrown.stack();
  EXPECT_EQ(thrown.stack().find("odw:"), std::string::npos) << thrown.stack();
  host_->End();
  EXPECT_EQ(Whole("export default async (input) => {\n  const a = = 1 }"),
            "SyntaxError: flow.js:2:13: Unexpected token '='");
}

TEST_F(OdwTest, Spec_O18_P9_AnEntryCannotLeaveItsModule) {
  for (const char* source : {"export default () => 1\n}", "})();(()=>{ export default () => 1",
                             "export default () => 1 })();(async()=>{"}) {
    EXPECT_EQ(Whole(source).substr(0, 11), "SyntaxError") << source;
  }
  EXPECT_NE(Whole("export default () => x; import x from 'y'").find("import is not available"),
            std::string::npos);
  for (const char* source :
       {"import x from 'y'; export default () => x", "export * from 'y'; export default () => 1"}) {
    EXPECT_EQ(Whole(source).substr(0, 23), "SyntaxError: flow.js:1:") << source;
  }
}

TEST_F(OdwTest, Spec_O17_MetaMayComeLaterAndBeAnyValue) {
  EXPECT_EQ(Whole("const f = () => 'made'; // export é😀\nconst s = `export default ${f()}`;\n"
                  "export const meta = { name: f() };\nif (input.a < 1) return 0;\n"
                  "return [meta.name, s, input.a]"),
            R"(["made","export default made",5])");
  EXPECT_EQ(Whole("export let meta = { name: 'x' }; return meta.name"), "\"x\"");
  EXPECT_EQ(Whole("return input.a"), "5");
  // In builtin an export that is not the first stays an error.
  EXPECT_EQ(Whole("const a = 1;\nexport const meta = {}; return 1", In(kBuiltin)).substr(0, 11),
            "SyntaxError");
  EXPECT_EQ(Whole("export default () => 1", In(kBuiltin)).substr(0, 11), "SyntaxError");
}

TEST_F(OdwTest, Spec_O14_TheAdditionsAreThereInBothDialectsButInput) {
  const std::string types =
      "return [fanout, checkpoint, promptSlot, pandacode, odw].map((x) => typeof x)"
      ".concat(typeof input, typeof cwd)";
  EXPECT_EQ(Eval(types, Odw("{}", R"({"cwd":"/work"})")),
            R"(["function","function","function","object","object","object","string"])");
  EXPECT_EQ(Eval(types, In(kBuiltin, "{}")),
            R"(["function","function","function","object","object","undefined","undefined"])");
  EXPECT_EQ(Eval("return [input, typeof args, input === args]", Odw()),
            R"([null,"undefined",false])");
  EXPECT_EQ(Eval("return input === args", Odw("{}")), "true");
  for (const uint32_t dialect : {kBuiltin, kOdw}) {
    EXPECT_EQ(
        Eval("const fanout = 1, odw = 2; globalThis.checkpoint = 3; delete globalThis.pandacode;"
             "globalThis.promptSlot = 4; input = 5;"
             "return [fanout, odw, checkpoint, typeof pandacode, promptSlot, input]",
             In(dialect)),
        R"([1,2,3,"undefined",4,5])");
  }
}

TEST_F(OdwTest, Spec_O14_TheOdwGlobalSaysWhatTheDaemonTold) {
  EXPECT_EQ(Eval("return odw", Odw("{}", R"({"backend":"mock","runId":"r","runDir":"/d",)"
                                         R"("statePath":"/s","resumeFrom":"q","cwd":"/c"})")),
            R"({"backend":"mock","runId":"r","runDir":"/d","statePath":"/s","resumeFrom":"q"})");
  EXPECT_EQ(Eval("return [odw.runId, odw.resumeFrom]", Odw()), R"(["wf_run-1",null])");
}

TEST_F(OdwTest, Spec_O10_NodesAreCallsAsData) {
  EXPECT_EQ(Drive("return await parallel([{prompt: 'a', label: 'l'}, {input: 'b'}, {input: {c: 1}},"
                  "() => agent('d'), {prompt: '!e'}])",
                  Odw()),
            R"x(["a","b","{\"c\":1}","d",null])x");
  EXPECT_EQ(
      Drive("try { await parallel([{prompt: 'a'}]) } catch (e) { return e.name }", In(kBuiltin)),
      "\"TypeError\"");
  EXPECT_EQ(
      Drive("try { await parallel([agent('x')]) } catch (e) { return e.message.slice(0, 60) }",
            Odw()),
      "\"parallel() expects an array of functions, not promises. Wrap\"");
  EXPECT_EQ(
      Drive("try { await parallel([{label: 'no prompt'}]) } catch (e) { return e.name }", Odw()),
      "\"TypeError\"");
}

TEST_F(OdwTest, Spec_O10_OptionsOfParallelHoldInBothDialects) {
  for (const uint32_t dialect : {kBuiltin, kOdw}) {
    for (const char* option : {"max", "concurrency"}) {
      EXPECT_EQ(Drive(std::string(
                          "let now = 0, peak = 0;"
                          "const r = await parallel([0, 1, 2, 3, 4].map((n) => async (i) => {"
                          "peak = Math.max(peak, ++now); await agent('p'); now--; return n - i }),"
                          "{") +
                          option + ": 2}); return [peak, r]",
                      In(dialect)),
                "[2,[0,0,0,0,0]]");
    }
    EXPECT_EQ(Drive("const r = await parallel(Array.from({length: 4096}, () => () => { throw 1 }),"
                    "{max: 3}); return r.every((x) => x === null)",
                    In(dialect)),
              "true");
    const WholeTurn turn = host_->Start(
        "phase('now'); parallel([() => agent('0'), async (i) => { await null; agent('1', {label: "
        "'own'})"
        "}, () => agent('2', {phase: 'mine'}), () => parallel([() => agent('3')])],"
        "{label: 'group', phase: 'P'}); agent('4'); await new Promise(() => 0)",
        In(dialect));
    Strings seen;
    for (const pb::Call& call : turn.turn.calls()) {
      const pb::AgentRequest request = RequestOf(call);
      seen.push_back(request.prompt() + " " + request.label() + " " + request.phase());
    }
    EXPECT_EQ(seen, (Strings{"0 group[0] P", "2 group[2] mine", "3  P", "4  now", "1 own P"}));
    host_->End();
    Drive("await parallel([() => { throw new Error('x') }], {label: 'group'})", In(dialect));
    EXPECT_EQ(lines_, (Strings{"parallel 'group'[0] failed: Error: x"}));
    EXPECT_EQ(Drive("return await parallel([() => 1], null)", In(dialect)), "[1]");
    EXPECT_EQ(Drive("return await parallel([() => 1], {max: -1, concurrency: 'x', label: {}})",
                    In(dialect)),
              "[1]");
  }
}

TEST_F(OdwTest, Spec_O14_FanoutMapsItems) {
  EXPECT_EQ(Drive("return await fanout(['a', 'b'], (x, i) => agent(x + i), {max: 1})", Odw()),
            R"(["a0","b1"])");
  EXPECT_EQ(Drive("return await fanout(['a', 'b'], (x, i) => ({prompt: x + i}))", Odw()),
            R"(["a0","b1"])");
  EXPECT_EQ(Drive("return await fanout(['a'], (x) => (i) => x + i)", In(kBuiltin)), R"(["a0"])");
  EXPECT_EQ(
      Drive("return await fanout([1, 2], (x) => { if (x > 1) throw new Error('e'); return x })",
            In(kBuiltin)),
      "[1,null]");
  EXPECT_EQ(lines_, (Strings{"fanout[1] failed: Error: e"}));
  EXPECT_EQ(Eval("try { await fanout('x', () => 1) } catch (e) { return e.name }"),
            "\"TypeError\"");
  EXPECT_EQ(Eval("try { await fanout([1]) } catch (e) { return e.name }"), "\"TypeError\"");
  EXPECT_EQ(Eval("return await fanout([], () => 1)"), "[]");
}

TEST_F(OdwTest, Spec_O14_ACheckpointIsALineAndPassesItsValueOn) {
  EXPECT_EQ(Drive("const o = {a: 1}; return [checkpoint('c', o) === o, checkpoint('d')]", Odw()),
            "[true,null]");
  EXPECT_EQ(lines_, (Strings{"checkpoint c: {\"a\":1}", "checkpoint d"}));
  EXPECT_EQ(Drive("checkpoint(Symbol('s'), {toJSON() { throw 1 }}); return 1", Odw()), "1");
}

TEST_F(OdwTest, Spec_O15_PromptSlotsComeFromTheInput) {
  const std::string slot = "return promptSlot('greet', {who: 'x'}, 'suggested')";
  EXPECT_EQ(Eval(slot, Odw(R"({"prompts":{"greet":"given"}})")), "\"given\"");
  EXPECT_EQ(Eval(slot, Odw(R"({"prompts":{"greet":""}})")), "\"\"");
  EXPECT_EQ(Eval(slot, Odw("{}")),
            "threw Error: missing prompt slot greet; pass input.prompts.greet");
  EXPECT_EQ(Eval(slot, Odw()), "threw Error: missing prompt slot greet; pass input.prompts.greet");
  EXPECT_EQ(Eval(slot, Odw("{}", R"({"backend":"mock"})")), "\"suggested\"");
  EXPECT_EQ(Eval(slot, Odw(R"({"allowSuggestedPrompts":true})")), "\"suggested\"");
  EXPECT_EQ(Eval("return promptSlot('a', {n: 1}, ({n}) => 'made ' + n)",
                 Odw(R"({"allowSuggestedPrompts":true})")),
            "\"made 1\"");
}

TEST_F(OdwTest, Spec_O14_PandacodeRoutesByName) {
  const WholeTurn turn = host_->Start(
      "pandacode.claude('a'); pandacode.codex('b', {model: 'm'}); pandacode.bamboo({prompt: 'c'});"
      "pandacode.exec('d', {runtime: 'mock'}); pandacode.exec({prompt: 'e', runtime: 'codex'});"
      "pandacode.exec('claude', 'f'); pandacode.exec('codex', {label: 'l'})",
      Odw());
  Strings seen;
  for (const pb::Call& call : turn.turn.calls()) {
    seen.push_back(RequestOf(call).prompt() + " " + RequestOf(call).runtime());
  }
  EXPECT_EQ(seen, (Strings{"a claude", "b codex", "c bamboo", "d mock", "e codex", "f claude",
                           "codex "}));
  host_->End();
}

TEST_F(OdwTest, Spec_O24_O25_AnIdIsOneCallInOdwAlone) {
  const std::string body =
      "const r = await Promise.all([agent('x', {id: '1'}), agent('x', {nodeId: '1', label: "
      "'other'}),"
      "agent('y', {id: '1'}), agent('x'), agent('x')]); return r";
  WholeTurn turn = host_->Start(body, Odw());
  EXPECT_EQ(turn.turn.calls_size(), 4);
  EXPECT_EQ(RequestOf(turn.turn.calls(0)).node_id(), "1");
  EXPECT_EQ(RequestOf(turn.turn.calls(0)).options_json(), "");
  host_->End();
  turn = host_->Start(body, In(kBuiltin));
  EXPECT_EQ(turn.turn.calls_size(), 5);
  EXPECT_EQ(RequestOf(turn.turn.calls(0)).node_id(), "");
  EXPECT_EQ(RequestOf(turn.turn.calls(0)).options_json(), "");
  host_->End();
}

TEST_F(OdwTest, Spec_O25_AFailureIsNotKept) {
  host_->Start(
      "const a = await agent('x', {id: 1}); const b = await agent('x', {id: 1});"
      "return [a.ok, b, await agent('x', {id: 1})]",
      Odw());
  const WholeTurn turn = host_->SettleJson(1, R"({"ok":false,"error":{"category":"auth"}})");
  ASSERT_EQ(turn.turn.calls_size(), 1);
  EXPECT_EQ(host_->SettleText(2, "fine").result(), R"([false,"fine","fine"])");
  host_->End();
}

TEST_F(OdwTest, Spec_O3_ASchemaMayBeTheFileItIsIn) {
  for (const uint32_t dialect : {kBuiltin, kOdw}) {
    WholeTurn turn = host_->Start(
        "return await Promise.all([agent('a', {schema: 'dir/s.json', label: 'l'}),"
        "agent('b', {schema: 'dir/s.json'})])",
        In(dialect));
    ASSERT_EQ(turn.turn.calls_size(), 1);  // read once
    EXPECT_EQ(turn.turn.calls(0).kind(), pb::WORKFLOW);
    EXPECT_EQ(turn.turn.calls(0).name(), "@schema");
    EXPECT_EQ(turn.turn.calls(0).script_path(), "dir/s.json");
    turn = host_->SettleJson(1, R"({"name":"@schema","source":"{\"type\": \"string\"}"})");
    ASSERT_EQ(turn.turn.calls_size(), 2);
    EXPECT_EQ(RequestOf(turn.turn.calls(0)).schema_json(), R"({"type":"string"})");
    EXPECT_EQ(RequestOf(turn.turn.calls(0)).label(), "l");
    EXPECT_EQ(RequestOf(turn.turn.calls(1)).prompt(), "b");
    host_->SettleText(2, "x");
    EXPECT_EQ(host_->SettleText(3, "y").result(), R"(["x","y"])");
    host_->End();
  }
}

TEST_F(OdwTest, Spec_O3_AFileThatWillNotDoIsAFailureOfItsDialect) {
  const struct {
    const char* source;
    const char* why;
  } cases[] = {{"", "no such file"},
               {"{", "the file is no JSON"},
               {"[1]", "the file holds no JSON Schema object"},
               {"{\"type\":\"nonsense\"}", "the schema at /type: must be"}};
  for (const auto& [source, why] : cases) {
    for (const uint32_t dialect : {kBuiltin, kOdw}) {
      host_->Start(
          "try { const v = await agent('a', {schema: 's.json'});"
          "return 'value ' + v.ok + ' ' + v.error.category + ' ' + v.error.message }"
          "catch (e) { return e.name + ' ' + e.code + ' ' + e.message }",
          In(dialect));
      WholeTurn turn = *source == '\0'
                           ? host_->SettleError(1, why)
                           : host_->SettleJson(1, R"({"source":)" + JsonQuote(source) + "}");
      EXPECT_EQ(turn.turn.calls_size(), 0);
      const std::string begins =
          dialect == kOdw ? "\"value false schema_load_error " : "\"Error schema_load_error ";
      EXPECT_EQ(turn.result().substr(0, begins.size()), begins);
      EXPECT_NE(turn.result().find(std::string("agent({schema: 's.json'}): ") + why),
                std::string::npos)
          << turn.result();
      host_->End();
    }
  }
  EXPECT_EQ(Eval("const r = []; for (const schema of ['', '{}']) try { await agent('a', {schema}) }"
                 "catch (e) { r.push(e.name) } return r"),
            R"(["TypeError","TypeError"])");
}

TEST_F(OdwTest, Spec_O4_O16_OptionsHaveTheirFields) {
  const WholeTurn turn = host_->Start(
      "agent('0', {schemaDescription: 's', outputDescription: 'o'}); agent('1', "
      "{outputDescription: 'o'});"
      "agent('2', {finalResponseDescription: 'f', bambooProvider: 'bp'});"
      "agent('3', {maxAttempts: 3, retry: 9}); agent('4', {retry: 2}); agent('5', {retry: "
      "{maxAttempts: 4}});"
      "agent('6', {retry: {retries: 1}}); agent('7', {retry: false}); agent('8', {retry: 'x'});"
      "agent('9', {fallback: ['claude/a', 'b'], network: true, keepIgnored: ['x', 1], stallMs: "
      "5.9});"
      "agent('10', {fallback: 'one', network: 'no', keepIgnored: 'y', stall: 7});"
      "agent('11', {network: {hosts: []}, action: 'run', sandbox: 's', nodeType: 't'});"
      "agent('12', {network: 'maybe', tools: []}); agent('13', {tools: 'Read'});");
  const auto request = [&](int index) { return RequestOf(turn.turn.calls(index)); };
  EXPECT_EQ(request(0).schema_description(), "s");
  EXPECT_EQ(request(1).schema_description(), "o");
  EXPECT_EQ(request(2).schema_description(), "f");
  EXPECT_EQ(request(2).provider(), "bp");
  std::vector<uint32_t> attempts;
  for (int i = 3; i <= 8; ++i) attempts.push_back(request(i).attempts_max());
  EXPECT_EQ(attempts, (std::vector<uint32_t>{3, 3, 4, 2, 1, 0}));
  ASSERT_EQ(request(9).fallback_size(), 2);
  EXPECT_EQ(request(9).fallback(1), "b");
  EXPECT_EQ(request(9).network(), "yes");
  ASSERT_EQ(request(9).keep_ignored_size(), 2);
  EXPECT_EQ(request(9).keep_ignored(1), "1");
  EXPECT_EQ(request(9).stall_ms(), 5u);
  EXPECT_EQ(request(10).fallback(0), "one");
  EXPECT_EQ(request(10).network(), "no");
  EXPECT_EQ(request(10).stall_ms(), 7u);
  EXPECT_EQ(request(11).options_json(),
            R"({"action":"run","network":{"hosts":[]},"nodeType":"t","sandbox":"s"})");
  // Limits: what is not understood must not become none at all.
  EXPECT_EQ(request(12).network(), "maybe");
  ASSERT_EQ(request(12).tools_size(), 1);
  EXPECT_EQ(request(12).tools(0), "none");
  EXPECT_EQ(request(13).tools(0), "Read");
  for (int i = 0; i < 14; ++i) {
    if (i == 11) continue;
    EXPECT_EQ(request(i).options_json(), "") << i;
  }
  host_->End();
}

}  // namespace
}  // namespace odw::script
