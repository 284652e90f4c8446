"""main.py BUILD_DIR [WORD...]: the JSON Schema suites against odw-script --validate; `N passed, N failed` last."""
import fnmatch
import json
import os
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from wire import Validator  # noqa: E402

# (name, folder of its required tests, $schema of those that name none). Optional tests are optional.
SUITES = (
    ("draft7", "/usr/share/json-schema-test-suite/tests/draft7", "http://json-schema.org/draft-07/schema#"),
    ("draft2020-12", "/usr/share/perl5/auto/share/dist/Test-JSON-Schema-Acceptance/tests/draft2020-12", None),
)


class Exceptions:
    """exceptions.txt: lines `PATTERN | reason`; a pattern that no failing test matches is reported."""

    def __init__(self, path):
        self.reasons, self.used = {}, set()
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                if line.strip() and not line.startswith("#"):
                    pattern, _, reason = line.strip().partition(" | ")
                    if not reason:
                        raise ValueError(f"{path}: no reason: {line}")
                    self.reasons[pattern] = reason

    def reason(self, name):
        for pattern, reason in self.reasons.items():
            if fnmatch.fnmatchcase(name, pattern):
                self.used.add(pattern)
                return reason
        return None


def groups_of(name, folder, schema_name):
    """(name, schema's text, [(name, value's text, is it valid)]) of each group of required tests."""
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".json"):
            continue
        with open(os.path.join(folder, file), encoding="utf-8") as text:
            groups = json.load(text)
        for group in groups:
            schema = group["schema"]
            if schema_name and isinstance(schema, dict):
                schema = {"$schema": schema_name, **schema}
            group_name = f"{name}/{file.removesuffix('.json')}/{group['description']}"
            yield group_name, json.dumps(schema), [(f"{group_name}/{test['description']}", json.dumps(test["data"]),
                                                    test["valid"]) for test in group["tests"]]


class Count:
    """Prints what does not hold, and counts."""

    def __init__(self, exceptions):
        self.exceptions = exceptions
        self.passed = self.failed = self.excepted = 0

    def fail(self, name, problem):
        self.failed += 1
        print(f"{name} FAILED\n    {problem}", flush=True)

    def report(self, name, problem):
        reason = self.exceptions.reason(name) if problem else None
        if not problem:
            self.passed += 1
        elif reason:
            self.excepted += 1
            print(f"{name} excepted: {reason}", flush=True)
        else:
            self.fail(name, problem)


def check_alone(validator, schema, tests):
    """What is wrong with the check that agent() makes of a schema before it asks anybody; None: nothing."""
    verdict, lines = validator.ask(schema)
    taken = validator.ask(schema, "null")[0] != "BAD_SCHEMA"
    if not taken or verdict == "VALID":
        return None
    if "contradicts itself" in lines[0]:
        fits = [name for name, _, valid in tests if valid]
        return f"{lines[0]}, but {fits[0]}" if fits else None
    return f"the validator takes it, the check before the call does not: {lines[0]}\n    schema {schema}"


def run_suite(validator, suite, words, count):
    for group, schema, tests in groups_of(*suite):
        if words and not any(word in group for word in words):
            continue
        for name, value, valid in tests:
            verdict, lines = validator.ask(schema, value)
            wanted = "VALID" if valid else "INVALID"
            count.report(name, None if verdict == wanted else
                         f"{verdict}, wanted {wanted}: {lines}\n    schema {schema}\n    value {value}")
        count.report(f"{group}/(the schema alone)", check_alone(validator, schema, tests))


def main():
    words = sys.argv[2:]
    exceptions = Exceptions(os.path.join(HERE, "exceptions.txt"))
    count = Count(exceptions)
    with Validator(os.path.abspath(sys.argv[1])) as validator:
        for suite in SUITES:
            if not os.path.isdir(suite[1]):
                count.fail(suite[0], f"{suite[1]} is not there: deploy/install_dependencies.sh --tests installs it")
                continue
            before = (count.passed, count.failed, count.excepted)
            run_suite(validator, suite, words, count)
            print("{}: {} as required, {} not, {} excepted".format(
                suite[0], *(now - then for now, then in
                            zip((count.passed, count.failed, count.excepted), before))), flush=True)
    for pattern in exceptions.reasons:
        if not words and pattern not in exceptions.used:
            count.fail(pattern, "holds now, or names nothing: take it out of exceptions.txt")
    print(f"{count.passed} passed, {count.failed} failed")
    return 1 if count.failed else 0


sys.exit(main())
