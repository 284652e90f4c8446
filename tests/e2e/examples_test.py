"""Every example runs to its end with the mock runtime and returns what it says it does."""
import json
import os

from harness import ROOT, State, equal, run

EXAMPLES = os.path.join(ROOT, "examples")


def result_of(build, state, name, args=None):
    argv = [os.path.join(build, "bin", "odwctl"), "exec", os.path.join(EXAMPLES, name), "--backend", "mock",
            "--json", "--quiet"]
    if args is not None:
        argv += ["--args", json.dumps(args)]
    return json.loads(run(argv, env=state.env).stdout)


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


def check_all_are_tried(_build, _state):
    tried = {"hello.js", "parallel_review.js", "pipeline.js", "schema.js", "survey.js"}
    equal("examples", {n for n in os.listdir(EXAMPLES) if n.endswith(".js")}, tried)


def main(build, cases):
    state = State()
    try:
        for name, check in (("examples: hello", check_hello),
                            ("examples: parallel_review", check_parallel_review),
                            ("examples: a part that fails leaves null", check_failed_part),
                            ("examples: pipeline", check_pipeline),
                            ("examples: schema", check_schema),
                            ("examples: every one is tried here", check_all_are_tried)):
            cases.case(name, check, build, state)
    finally:
        state.remove()
