"""Every example runs to its end with the mock runtime and returns what it says it does."""
import json
import os

from harness import ROOT, Repository, State, equal, run

EXAMPLES = os.path.join(ROOT, "examples")


def result_of(build, state, name, args=None, flags=(), cwd=None):
    argv = [os.path.join(build, "bin", "odwctl"), "exec", os.path.join(EXAMPLES, name), "--backend", "mock",
            "--json", "--quiet", *flags]
    if args is not None:
        argv += ["--args", json.dumps(args)]
    return json.loads(run(argv, env=state.env, cwd=cwd).stdout)


def ctl(build, state, *argv, cwd=None, check=True):
    return run([os.path.join(build, "bin", "odwctl"), *argv], env=state.env, cwd=cwd, check=check)


def mock_json(value):
    """A text that makes the mock answer with this value."""
    return f"[[json:{json.dumps(value)}]]"


def check_hello(build, state):
    equal("hello.js", result_of(build, state, "hello.js"),
          "mock: Which is darker, mock: Name a colour of the sea. or mock: Name a colour of the sky.?")


def check_parallel_review(build, state):
    result = result_of(build, state, "parallel_review.js", {"text": "x"})
    equal("sides", [r["side"] for r in result["reviews"]], ["correctness", "clarity", "security", "cost"])
    equal("first review", result["reviews"][0]["review"], "mock: Review this for correctness:\nx")


def check_failed_part(build, state):
    """Parts that fail leave null, and the run goes on to its end."""
    result = result_of(build, state, "parallel_review.js", {"text": "[[fail:refused]]"})
    equal("reviews", result["reviews"], [])


def check_pipeline(build, state):
    result = result_of(build, state, "pipeline.js", {"topics": ["a", "b"]})
    equal("places", [(r["topic"], r["place"]) for r in result], [("a", 1), ("b", 2)])
    if not all("Polish: mock: Is this about" in r["text"] for r in result):
        raise AssertionError(result)


def check_schema(build, state):
    result = result_of(build, state, "schema.js")
    if not isinstance(result["hours"], int) or result["steps"] < 1:
        raise AssertionError(result)


def check_adversarial_review(build, state):
    """A finding stands when most of its refuters fail; the text's directives come first, the claim's win."""
    def finding(claim, refuted):
        return {"claim": claim + mock_json({"refuted": refuted, "why": "w"}), "severity": "high"}
    text = mock_json({"findings": [finding("real", False), finding("not there", True)]})
    result = result_of(build, state, "adversarial_review.js", {"text": text, "sides": ["a", "b"]})
    equal("confirmed", [(f["side"], f["claim"].split("[")[0], f["votes"]) for f in result["confirmed"]],
          [("a", "real", 3), ("b", "real", 3)])
    equal("dropped", [f["claim"].split("[")[0] for f in result["dropped"]], ["not there"] * 2)
    empty = result_of(build, state, "adversarial_review.js")
    equal("nothing found", (empty["confirmed"], empty["sides_without_answer"]), ([], []))


def check_until_dry(build, state):
    equal("nothing at all", result_of(build, state, "until_dry.js"), {"ended": "dry", "rounds": 2, "risks": []})
    same = result_of(build, state, "until_dry.js", {"subject": "x" + mock_json({"risks": ["Disk full", "disk FULL!"]})})
    equal("one risk", same, {"ended": "dry", "rounds": 3, "risks": ["Disk full"]})


def check_tournament(build, state):
    result = result_of(build, state, "tournament.js")
    equal("rounds", (result["rounds"], result["candidates"]), (3, 5))
    # The mock always says `first`; one judge of three sees the pair the other way round.
    equal("winner", (result["winner"]["style"], result["winner"]["wins"]), ("plain", 3))


def check_research(build, state):
    question = "q" + mock_json({"parts": ["one", "two"]})
    result = result_of(build, state, "research.js", {"question": question, "breadth": 2})
    # Answers hold the question's directive as well, which a text is not held against.
    equal("parts", [(p["number"], p["part"]) for p in result["parts"]], [(1, "one"), (2, "two")])
    equal("missing", result["missing"], [])


def check_migration(build, state):
    repository = Repository()
    try:
        for name in ("a.txt", "b.txt"):
            repository.write(name, "before\n")
        repository.commit("first")
        result = result_of(build, state, "migration.js", {"files": ["a.txt", "b.txt"], "task": "t [[append:a.txt:more]]"},
                           ("--cwd", repository.path))
        equal("files", [c["file"] for c in result["changes"]], ["a.txt", "b.txt"])
        equal("nothing is changed here", repository.git("status", "--porcelain"), "")
        run_id = json.loads(ctl(build, state, "list", "--json", "--limit", "1").stdout)["runs"][0]["run_id"]
        # Both nodes changed a.txt in the same way: each applies alone.
        if "+more" not in ctl(build, state, "diff", run_id, "n1").stdout:
            raise AssertionError("the diff of n1 does not show its change")
        ctl(build, state, "apply", run_id, "n1")
        equal("applied", repository.git("status", "--porcelain"), " M a.txt\n")
    finally:
        repository.remove()


def check_budget_loop(build, state):
    free = result_of(build, state, "budget_loop.js", {"rounds": 2})
    equal("without a budget", (free["rounds"], free["stopped"], free["total"]), (2, "rounds", None))
    bound = result_of(build, state, "budget_loop.js", flags=("--budget", "100"))
    if bound["stopped"] not in ("budget", "refused") or bound["rounds"] >= 8 or bound["total"] != 100:
        raise AssertionError(bound)


def check_nested(build, state):
    result = result_of(build, state, "nested.js", cwd=EXAMPLES)
    equal("votes", [c["votes"] for c in result["checked"]], [3, 3])
    equal("an unknown name", result["unknown_is_caught"], True)
    if not result["summary"].startswith("mock: Sum up"):
        raise AssertionError(result)


def check_mixed_models(build, state):
    result = result_of(build, state, "mixed_models.js")
    equal("said", [a["name"] for a in result["said"]], ["claude", "codex", "deepseek"])
    equal("silent", result["silent"], [])


def check_odw_dialect(build, state):
    result = result_of(build, state, "odw_dialect.js", {"files": ["x"]})
    equal("result", result, {"ok": True, "notes": [{"file": "x", "note": "mock"}]})
    failed = ctl(build, state, "exec", os.path.join(EXAMPLES, "odw_dialect.js"), "--backend", "mock", "--json", "-q",
                 "--args", json.dumps({"files": ["x", "[[fail:refused]]"]}), check=False)
    equal("exit code of ok: false", failed.returncode, 3)
    equal("notes", [n.get("note") for n in json.loads(failed.stdout)["notes"]], ["mock", "refused"])


def check_fanout_checkpoint(build, state):
    result = result_of(build, state, "fanout_checkpoint.js", {"ideas": ["a", "b"], "prompts": {"tone": "t"}})
    equal("result", result, {"ok": True, "rated": [{"idea": "a", "points": 0}, {"idea": "b", "points": 0}]})
    events = [json.loads(line) for line in ctl(
        build, state, "exec", os.path.join(EXAMPLES, "fanout_checkpoint.js"), "--backend", "mock", "--events", "odw",
        "--args", json.dumps({"ideas": ["a"], "allowSuggestedPrompts": True})).stdout.splitlines()]
    equal("checkpoints", [e["name"] for e in events if e["type"] == "checkpoint"], ["start", "rated"])
    equal("the last line", (events[-1]["type"], events[-1]["result"]["ok"]), ("workflow_done", True))


def check_resumable(build, state):
    """Another closing costs one call; the same again costs none."""
    script = os.path.join(EXAMPLES, "resumable.js")
    first = json.loads(ctl(build, state, "submit", script, "--backend", "mock", "--json").stdout)["run_id"]
    ctl(build, state, "result", first, "--wait")
    def resumed(*flags):
        run_id = json.loads(ctl(build, state, "resume", first, "--detach", "--json", *flags).stdout)["run_id"]
        ctl(build, state, "result", run_id, "--wait")
        return run_id, json.loads(ctl(build, state, "status", run_id, "--json", "--nodes").stdout)
    _, same = resumed()
    equal("reused", (same["nodes"]["cached"], same["nodes"]["done"]), (4, 0))
    equal("resumed_from", same["resumed_from"], first)
    run_id, other = resumed("--args", json.dumps({"closing": "Write a paragraph."}))
    equal("reused but one", (other["nodes"]["cached"], other["nodes"]["done"]), (3, 1))
    why = json.loads(ctl(build, state, "explain", run_id, "n4", "--json").stdout)
    equal("why", (why["reused"], [c["field"] for c in why["changes"]]), (False, ["prompt"]))


def check_polite_retry(build, state):
    ready = result_of(build, state, "polite_retry.js", {"service": "x" + mock_json({"ready": True})})
    equal("at once", ready, {"ready": True, "looks": 1})
    never = result_of(build, state, "polite_retry.js", {"tries": 3, "pause_ms": 1})
    equal("given up", never, {"ready": False, "looks": 3})
    late = result_of(build, state, "polite_retry.js", {"service": "x[[hang]]", "limit_ms": 30})
    equal("out of time", late, {"ready": False, "looks": None, "out_of_time": True})


CHECKS = (
    ("hello", check_hello), ("parallel_review", check_parallel_review),
    ("a part that fails leaves null", check_failed_part), ("pipeline", check_pipeline), ("schema", check_schema),
    ("adversarial_review", check_adversarial_review), ("until_dry", check_until_dry),
    ("tournament", check_tournament), ("research", check_research), ("migration", check_migration),
    ("budget_loop", check_budget_loop), ("nested", check_nested), ("mixed_models", check_mixed_models),
    ("odw_dialect", check_odw_dialect), ("fanout_checkpoint", check_fanout_checkpoint),
    ("resumable", check_resumable), ("polite_retry", check_polite_retry))


def check_all_are_tried(_build, _state):
    # survey_test.py and examples_repository_test.py have the others.
    tried = {f"{name}.js" for name, _ in CHECKS} | {"survey.js", "migrate_api.js"}
    equal("examples", {n for n in os.listdir(EXAMPLES) if n.endswith(".js")} - tried, set())


def main(build, cases):
    state = State()
    try:
        for name, check in (*CHECKS, ("every one is tried here", check_all_are_tried)):
            cases.case(f"examples: {name}", check, build, state)
    finally:
        state.remove()
