"""main.py BUILD_DIR [WORD...]: every case on one odwd with a mock executor; `N passed, N failed` last.
main.py --index: writes the index of README.md anew."""
import concurrent.futures
import os
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

import case_file  # noqa: E402
import index  # noqa: E402
from runner import CaseRun, Mismatch  # noqa: E402
from service import Service  # noqa: E402

QUICK = os.environ.get("ODW_TEST_EFFORT") == "quick"
AT_ONCE = 4 if QUICK else 8
DELAY_FACTOR = 4 if QUICK else 1
# Endless scripts are cut off soon; a sanitizer's build needs more for a turn that is not endless.
SETTINGS = f"""
[limits]
turn_cpu_ms = {6000 if QUICK else 1500}
heap_bytes_max = 100000000
return_grace_ms = {1500 * DELAY_FACTOR}
"""


def run_case(service, case, number):
    try:
        CaseRun(service, case, number, DELAY_FACTOR).run()
        return None
    except Mismatch as problem:
        return str(problem)
    except Exception as problem:  # pylint: disable=broad-except
        return f"{type(problem).__name__}: {problem}"


class Count:
    """Prints a line a case and counts."""

    def __init__(self):
        self.passed = self.failed = self.pending = 0

    def report(self, name, problem, pending=None):
        if problem is None:
            self.passed += 1
            print(f"{name} ok" + (" (no longer pending: take the line out)" if pending else ""), flush=True)
        elif pending:
            self.pending += 1
            print(f"{name} pending: {pending}", flush=True)
        else:
            self.failed += 1
            print(f"{name} FAILED\n    " + problem.strip().replace("\n", "\n    "), flush=True)


def make_home(folder):
    """The user's own folder, as odwd sees it: a workflow and an agent that every case could name."""
    files = {".claude/workflows/of-home.js": "export const meta = { name: 'of-home', description: 'at home' };\n"
                                             "return `home ${args}`;\n",
             ".claude/agents/of-home.md": "---\nname: of-home\ndescription: at home\nmodel: home-model\n---\nBe at home.\n"}
    for name, text in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
    return folder


def run_all(build, env, chosen, at_once, count, flags=()):
    """The cases on one daemon of their own."""
    # Slots for all the cases at once: only a run's own cap is to be seen.
    slots = {"mock": ["--slots", str(16 * at_once)]}
    with Service(build, SETTINGS, env=env, flags=flags, executor_flags=slots) as service, \
            concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        # In the order of the files, each as soon as those before it are done.
        problems = pool.map(lambda n: run_case(service, chosen[n], n), range(len(chosen)))
        for case, problem in zip(chosen, problems):
            count.report(case.name, problem, case.get("pending"))
        died = service.processes["odwd"].poll() is not None
        count.report("OneDaemonServedThemAll", service.log()[-2000:] if died else None)


def run_groups(build, chosen, count):
    """Most share a daemon; what kills it or turns its clock has one that is its own, one case after another."""
    with tempfile.TemporaryDirectory(prefix="odw-conformance-") as folder:
        env = {"HOME": make_home(folder)}
        manual = [case for case in chosen if case.get("clock") == "manual"]
        alone = [case for case in chosen if case.get("alone")]
        shared = [case for case in chosen if case not in manual and case not in alone]
        if shared:
            run_all(build, env, shared, AT_ONCE, count)
        # Both names of J2's setting are tried on those that have a daemon to themselves.
        if alone:
            run_all(build, {**env, "ODW_MAX_CONCURRENT_AGENTS": "5"}, alone, 1, count)
        if manual:
            run_all(build, {**env, "CLAUDE_CODE_WORKFLOW_MAX_CONCURRENT_AGENTS": "2"}, manual, 1, count,
                    ("--clock=manual",))


def main():
    cases, ids, not_covered = case_file.load(HERE)
    if sys.argv[1] == "--index":
        index.write(HERE, cases, ids, not_covered)
        return 0
    words = sys.argv[2:]
    count = Count()
    run_groups(os.path.abspath(sys.argv[1]),
               [case for case in cases if not words or any(word in case.name for word in words)], count)
    for name, problem in index.check(HERE, cases, ids, not_covered):
        count.report(name, problem)
    print(f"{count.passed} passed, {count.failed} failed" + (f", {count.pending} skipped" if count.pending else ""))
    return 1 if count.failed else 0


sys.exit(main())
