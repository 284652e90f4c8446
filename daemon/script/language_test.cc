// The language that scripts are written in: ES2025's library on V8 10.2's syntax (SPEC P43).
#include <gtest/gtest.h>

#include "daemon/script/test_fixture.h"
#include "daemon/script/test_tool.h"

namespace odw::script {
namespace {

using LanguageTest = HostedTest;

TEST_F(LanguageTest, Spec_P43_TheLibraryIsThere) {
  EXPECT_EQ(
      Eval("const missing = []; const has = (name, object, ...keys) => {"
           "for (const key of keys) if (!(key in object)) missing.push(name + '.' + key) };"
           "has('Array', Array, 'fromAsync');"
           "has('Array#', [], 'at', 'findLast', 'findLastIndex', 'toReversed', 'toSorted', "
           "'toSpliced',"
           "'with', 'flat', 'flatMap', 'includes');"
           "has('TypedArray#', new Int8Array(), 'at', 'findLast', 'findLastIndex', 'toReversed', "
           "'toSorted',"
           "'with');"
           "has('Object', Object, 'groupBy', 'hasOwn', 'fromEntries'); has('Map', Map, 'groupBy');"
           "has('Map#', new Map(), 'getOrInsert', 'getOrInsertComputed');"
           "has('Set#', new Set(), 'union', 'intersection', 'difference', 'symmetricDifference', "
           "'isSubsetOf',"
           "'isSupersetOf', 'isDisjointFrom');"
           "has('Promise', Promise, 'withResolvers', 'try', 'any', 'allSettled');"
           "has('Iterator', Iterator, 'from', 'concat');"
           "has('Iterator#', Iterator.prototype, 'map', 'filter', 'take', 'drop', 'flatMap', "
           "'reduce', 'toArray',"
           "'forEach', 'some', 'every', 'find');"
           "has('String#', String.prototype, 'at', 'isWellFormed', 'toWellFormed', 'replaceAll', "
           "'matchAll');"
           "has('RegExp', RegExp, 'escape'); has('Math', Math, 'f16round', 'sumPrecise');"
           "has('DataView#', DataView.prototype, 'getFloat16', 'setFloat16');"
           "has('ArrayBuffer#', ArrayBuffer.prototype, 'transfer', 'transferToFixedLength', "
           "'detached');"
           "has('Uint8Array', Uint8Array, 'fromBase64', 'fromHex');"
           "has('Uint8Array#', Uint8Array.prototype, 'toBase64', 'toHex', 'setFromBase64', "
           "'setFromHex');"
           "has('Error', Error, 'isError'); return missing"),
      "[]");
}

// What prelude/polyfills.js says is lacking, so that it stays true.
TEST_F(LanguageTest, Spec_P43_C2_WhatIsNotThere) {
  EXPECT_EQ(
      Eval("return [typeof Float16Array, 'resizable' in ArrayBuffer.prototype, 'rawJSON' in JSON,"
           "typeof structuredClone, typeof Temporal, typeof WeakRef, typeof SharedArrayBuffer]"),
      R"(["undefined",false,false,"undefined","undefined","undefined","undefined"])");
}

TEST_F(LanguageTest, Spec_P43_ArraysAndGroups) {
  EXPECT_EQ(Eval("return [[3, 1].toSorted(), [1, 2].toReversed(), [1, 2, 3].with(0, 9),"
                 "[1, 2, 3].toSpliced(1, 1), [1, 2].findLast(x => x < 2), [1, 2, "
                 "1].findLastIndex(x => x === 1),"
                 "[1].at(-1), [...new Int8Array([2, 1]).toSorted()], [...new Int8Array([2, "
                 "1]).with(0, 5)]]"),
            "[[1,3],[2,1],[9,2,3],[1,3],1,2,1,[1,2],[5,1]]");
  EXPECT_EQ(
      Eval("return [Object.groupBy([1, 2, 3], x => x % 2 ? 'o' : 'e'),"
           "Map.groupBy([1, 2], x => x).size, [...new Set([1, 2]).union(new Set([3]))],"
           "[...new Set([1, 2]).intersection(new Set([2]))], [...new Set([1, 2]).difference(new "
           "Set([2]))],"
           "[...new Set([1, 2]).symmetricDifference(new Set([2, 3]))],"
           "new Set([1]).isSubsetOf(new Set([1, 2])), new Set([1, 2]).isSupersetOf(new Set([1])),"
           "new Set([1]).isDisjointFrom(new Set([2])), new Map().getOrInsert('a', 1)]"),
      R"([{"o":[1,3],"e":[2]},2,[1,2,3],[2],[1],[1,3],true,true,true,1])");
}

TEST_F(LanguageTest, Spec_P43_PromisesAndIterators) {
  EXPECT_EQ(Eval("const {promise, resolve} = Promise.withResolvers(); resolve(4);"
                 "return [await promise, await Array.fromAsync([Promise.resolve(1)]),"
                 "await Promise.try(() => 5), await Promise.try(() => { throw 6 }).catch(e => e)]"),
            "[4,[1],5,6]");
  EXPECT_EQ(
      Eval("function* g() { yield* [1, 2, 3, 4] }"
           "return [[1, 2].values().map(x => x * 2).toArray(), Iterator.from([7]).toArray(),"
           "g().filter(x => x % 2).toArray(), g().take(2).toArray(), g().drop(3).toArray(),"
           "g().flatMap(x => [x, x]).toArray().length, g().reduce((a, b) => a + b), g().some(x => "
           "x > 3),"
           "g().every(x => x > 3), g().find(x => x > 2), new Map([[1, 2]]).entries().toArray(),"
           "Iterator.concat([1], [2]).toArray(), g() instanceof Iterator]"),
      "[[2,4],[7],[1,3],[1,2],[4],8,10,true,false,3,[[1,2]],[1,2],true]");
}

TEST_F(LanguageTest, Spec_P43_TextNumbersAndBuffers) {
  EXPECT_EQ(Eval("return ['a\\ud800'.isWellFormed(), 'a\\ud800'.toWellFormed() === 'a\\ufffd',"
                 "new RegExp('^' + RegExp.escape('a.b*') + '$').test('a.b*'), "
                 "Math.sumPrecise([1e20, 0.1, -1e20]),"
                 "Math.f16round(1.337), Error.isError(new TypeError()), Error.isError({}),"
                 "new Uint8Array([255]).toHex(), Uint8Array.fromBase64('/w==')[0]]"),
            R"([false,true,true,0.1,1.3369140625,true,false,"ff",255])");
  EXPECT_EQ(Eval("const a = new Uint8Array([1, 2, 3]).buffer, b = a.transfer(5);"
                 "const r = [a.detached, a.byteLength, b.detached, [...new Uint8Array(b)]];"
                 "try { a.transfer() } catch (e) { r.push(e.name) }"
                 "try { ArrayBuffer.prototype.transfer.call({}) } catch (e) { r.push(e.name) }"
                 "r.push([...new Uint8Array(b.transferToFixedLength(1))], b.transfer.name, "
                 "b.transfer.length);"
                 "const v = new DataView(new ArrayBuffer(2)); v.setFloat16(0, 1.5); "
                 "r.push(v.getFloat16(0));"
                 "return r"),
            R"([true,0,false,[1,2,3,0,0],"TypeError","TypeError",[1],"transfer",0,1.5])");
  EXPECT_EQ(Eval("try { new ArrayBuffer(1).transfer(2 ** 33) } catch (e) { return e.name }"),
            "\"RangeError\"");
}

TEST_F(LanguageTest, Spec_P43_TheSyntaxIsCurrent) {
  EXPECT_EQ(Eval("function* g() { yield* [1, 2, 3] } async function* h() { yield 4 }\n"
                 "const out = [...g()]; for await (const x of h()) out.push(x);"
                 "return [out, 2n ** 64n + '', String.raw`a\\n`, {a: {b: 1}}?.a?.b ?? 0]"),
            R"([[1,2,3,4],"18446744073709551616","a\\n",1])");
  EXPECT_EQ(
      Eval(
          "class A { #p = 1; static #q = 2; static { A.r = A.#q + 1 } has(o) { return #p in o }\n"
          "static async *s() { yield 1 } accessor; get v() { return this.#p } }\n"
          "let x = null; x ?" "?= 5; x &&= 6; x ||= 7; outer: for (const i of [1, 2]) { for (;;) "
          "continue outer }\n"
          "try { throw new Error('a', {cause: 1}) } catch { x += 1_000 }\n"
          "return [new A().has(new A()), A.r, x, new A().v, /(?<=a)(?<n>b)/d.exec('ab').indices[0],"
          "Object.hasOwn({a: 1}, 'a')]"),
      "[true,3,1006,1,[1,2],true]");
}

// Syntax that V8 10.2 cannot run is refused when the script is loaded, by its place and its name.
TEST(SyntaxTest, Spec_P43_WhatV8CannotRunIsRefusedByName) {
  TestTool<pb::LoadRequest, pb::LoadReply> loader("--load");
  const struct {
    const char* body;
    const char* place;
    const char* name;
  } cases[] = {
      {"using x = null;", "2:1", "`using` declarations are not available"},
      {"await using x = null;", "2:1", "`await using` declarations are not available"},
      {"for (using x of []) {}", "2:6", "`using` declarations are not available"},
      {"@dec class A {}", "2:1", "decorators are not available"},
      {"class A { @dec m() {} }", "2:11", "decorators are not available"},
      {"class A { accessor x = 1 }", "2:20", "`accessor` fields are not available"},
      {"return /[a--b]/v", "2:8", "the regular expression flag v is not available"},
      {"return /(?i:a)b/", "2:8",
       "regular expression modifiers such as (?i:...) are not available"},
      {"return /(?<a>x)|(?<a>y)/", "2:8", "repeated names of capture groups are not available"},
      {"import x from './y.json' with { type: 'json' }", "2:1", "import is not available"},
      {"import defer * as x from 'y'", "2:14", "import"},
      {"return import.source('x')", "2:15", "import"},
      {"return x |> f", "2:11", "the pipeline operator |> is not available"},
      {"return <div/>", "2:8", "JSX is not available"},
      {"const a: number = 1", "2:8", "TypeScript must be compiled first"},
      {"interface A { b: string }", "2:11", "TypeScript must be compiled first"},
      {"enum A { B }", "2:1", "TypeScript must be compiled first"},
      {"return x as any", "2:10", "TypeScript must be compiled first"},
      {"function f(x: string) {}", "2:13", "TypeScript must be compiled first"},
  };
  for (const auto& [body, place, name] : cases) {
    pb::LoadRequest request;
    request.set_source(std::string("export const meta = { name: 'n', description: 'd' };\n") +
                       body);
    const pb::LoadReply reply = loader.Ask(request);
    ASSERT_GT(reply.problems_size(), 0) << body;
    EXPECT_FALSE(reply.ok()) << body;
    const pb::Problem& problem = reply.problems(0);
    EXPECT_EQ(std::to_string(problem.line()) + ":" + std::to_string(problem.column()), place)
        << body;
    EXPECT_NE(problem.message().find(name), std::string::npos) << body << ": " << problem.message();
    EXPECT_EQ(problem.source_line(), body);
  }
}

}  // namespace
}  // namespace odw::script
