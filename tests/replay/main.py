"""main.py BUILD_DIR [--kills N] [--seed S] [WORD...]: replay is exact; `N passed, N failed` last."""
import argparse
import os
import queue
import sys
import threading
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path[:0] = [HERE] + [os.path.join(TESTS, name) for name in ("conformance", "e2e", "crash")]

import case_file  # noqa: E402
from one_case import Disturbed, Refused, replay  # noqa: E402

QUICK = os.environ.get("ODW_TEST_EFFORT") == "quick"
DELAY_FACTOR = 4 if QUICK else 1


def arguments():
    parser = argparse.ArgumentParser(prog="tests/replay/run.sh")
    parser.add_argument("build")
    parser.add_argument("words", nargs="*", help="only cases whose name has one of them")
    parser.add_argument("--kills", type=int, default=int(os.environ.get("ODW_REPLAY_KILLS", "3" if QUICK else "50")),
                        help="a script with more settlements has its host killed at so many, chosen by the seed")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("ODW_REPLAY_SEED", "1")))
    parser.add_argument("--daemons", type=int, default=4)
    return parser.parse_args()


def not_comparable(path):
    """{case's name: reason}."""
    with open(path, encoding="utf-8") as lines:
        pairs = [line.strip().partition(" ") for line in lines if line.strip() and not line.startswith("#")]
    return {name: reason for name, _, reason in pairs}


class Suite:
    """The cases, worked off by a few daemons."""

    def __init__(self, options, cases, exceptions):
        self.options, self.exceptions = options, exceptions
        self.todo = queue.SimpleQueue()
        for case in cases:
            self.todo.put(case)
        self.lock = threading.Lock()
        self.passed = self.failed = self.refused = self.settlements = self.kills = 0

    def report(self, name, settlements, kills, problem, started):
        with self.lock:
            self.settlements += settlements
            self.kills += kills
            if problem is None:
                self.passed += 1
                print(f"{name} ok: {kills} kills, {settlements} settlements, {time.monotonic() - started:.1f} s",
                      flush=True)
            else:
                self.failed += 1
                print(f"{name} FAILED\n    {problem}", flush=True)

    def one(self, disturbed, case):
        started = time.monotonic()
        try:
            self.report(case.name, *replay(disturbed, case, self.options.kills, self.options.seed), started)
        except Refused:
            with self.lock:
                self.refused += 1
        except Exception as problem:  # pylint: disable=broad-except
            self.report(case.name, 0, 0, f"{type(problem).__name__}: {problem}", started)

    def work(self):
        with Disturbed(os.path.abspath(self.options.build), DELAY_FACTOR) as disturbed:
            while True:
                try:
                    case = self.todo.get_nowait()
                except queue.Empty:
                    break
                self.one(disturbed, case)
            died = disturbed.service.processes["odwd"].poll()
            if died is not None:
                self.report("ADaemonDied", 0, 0, disturbed.service.log()[-2000:], time.monotonic())

    def run(self):
        workers = [threading.Thread(target=self.work) for _ in range(self.options.daemons)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


def main():
    options = arguments()
    exceptions = not_comparable(os.path.join(HERE, "exceptions.txt"))
    cases = [case for case in case_file.load(os.path.join(TESTS, "conformance"))[0]
             if not case.get("then") and not case.get("problem")]
    names = {case.name for case in cases}
    stale = [name for name in exceptions if name not in names]
    chosen = [case for case in cases if case.name not in exceptions and
              (not options.words or any(word in case.name for word in options.words))]
    suite = Suite(options, chosen, exceptions)
    started = time.monotonic()
    suite.run()
    if stale:
        suite.report("ExceptionsNameCases", 0, 0, f"exceptions.txt names what is no case: {stale}", started)
    print(f"{suite.kills} kills at {suite.settlements} settlements in {time.monotonic() - started:.0f} s; "
          f"{suite.refused} scripts make no run, {len(exceptions)} are not compared (exceptions.txt)")
    print(f"{suite.passed} passed, {suite.failed} failed")
    return 1 if suite.failed else 0


sys.exit(main())
