"""crash.py BUILD_DIR [--kills N] [--seed S] ...: kills -9 anywhere, and checks that nothing was lost or
done twice. See README.md. The last line is `N passed, N failed`."""
import argparse
import collections
import concurrent.futures
import faulthandler
import os
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import plan  # noqa: E402
from case import Case  # noqa: E402

KILLS_DEFAULT = 200
KILLS_QUICK = 30         # ODW_TEST_EFFORT=quick: under the sanitizers
CASES_AT_ONCE = 3        # on two cores: a case waits more than it works
CASE_SECONDS_MAX = 60
FRUITLESS_CASES_MAX = 20  # in a row without a kill that counts


def parse(argv):
    parser = argparse.ArgumentParser(prog="tests/crash/run.sh", description=__doc__)
    parser.add_argument("build", help="a build folder, configured with -DODW_KILL_POINTS=ON")
    quick = os.environ.get("ODW_TEST_EFFORT") == "quick"
    parser.add_argument("--kills", type=int, default=KILLS_QUICK if quick else KILLS_DEFAULT,
                        help="kills that count, at least (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the first case's (default %(default)s)")
    parser.add_argument("--cases", type=int, help="this many cases, whatever they kill")
    parser.add_argument("--only", action="append", choices=[*plan.GROUPS, "all"], help="kill these only")
    parser.add_argument("--jobs", type=int, default=CASES_AT_ONCE, help="cases at once (default %(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep the folders of cases that passed, too")
    options = parser.parse_args(argv)
    options.build = os.path.abspath(options.build)
    options.seconds = CASE_SECONDS_MAX * (5 if quick else 1)
    return options


def undisturbed(options):
    outcome = Case(options.build, 0, [], None, options.seconds, options.keep).run()
    if outcome.failure:
        raise SystemExit(f"the undisturbed run failed: {outcome.failure} (kept in {outcome.folder})")
    if not outcome.passages:
        raise SystemExit(f"error: no kill point was passed. why: {options.build} was built without them. "
                         "next: cmake -DODW_KILL_POINTS=ON (preset test), build, try again")
    print(f"undisturbed: {outcome.executions} executions in {outcome.seconds:.1f} s, "
          f"{sum(outcome.passages.values())} passages of {len(outcome.passages)} points", flush=True)
    return outcome


class Suite:
    """Cases, several at once, until enough kills count."""

    def __init__(self, options, reference):
        self.options, self.reference = options, reference
        self.next_seed = options.seed
        self.passed = self.failed = self.counted = self.uncounted = self.fruitless = 0
        self.histogram = collections.Counter()
        self.passages = collections.Counter()
        self.extra = self.re_executed = self.executions = 0

    def one(self, seed):
        orders = plan.make(seed, self.reference.passages, self.options.only)
        return Case(self.options.build, seed, orders, self.reference.result, self.options.seconds,
                    self.options.keep).run()

    def enough(self):
        if self.options.cases is not None:
            return self.next_seed >= self.options.seed + self.options.cases
        return self.counted >= self.options.kills or self.fruitless >= FRUITLESS_CASES_MAX

    def run(self):
        with concurrent.futures.ThreadPoolExecutor(self.options.jobs) as pool:
            pending = set()
            while pending or not self.enough():
                while len(pending) < self.options.jobs and not self.enough():
                    pending.add(pool.submit(self.one, self.next_seed))
                    self.next_seed += 1
                done, pending = concurrent.futures.wait(pending, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in done:
                    self.report(future.result())

    def report(self, outcome):
        self.passages.update(outcome.passages)
        if outcome.failure:
            self.failed += 1
            print(f"FAILED: case {outcome.seed}: {outcome.failure}\n    kept: {outcome.folder}\n"
                  f"    again: tests/crash/run.sh {self.options.build} --seed {outcome.seed} --cases 1"
                  + "".join(f' --only "{group}"' for group in self.options.only or []), flush=True)
            return
        self.passed += 1
        self.executions += outcome.executions
        self.re_executed += outcome.re_executed
        self.fruitless = 0 if any(counts for _, counts in outcome.kills) else self.fruitless + 1
        for point, counts in outcome.kills:
            self.counted += counts
            self.uncounted += not counts
            self.histogram[point] += counts
            print(f"kill {self.counted:4}  case {outcome.seed:4}  {point}" + ("" if counts else "  (nothing under way: "
                  "does not count)"), flush=True)

    def summary(self):
        print("\nkills that count, by point:")
        for point, count in sorted(self.histogram.items()):
            print(f"  {count:5}  {point}")
        print(f"  {self.counted:5}  in all; {self.uncounted} more met nothing under way")
        nodes = 300 * self.passed
        print(f"executions: {self.executions} of {nodes} nodes, {self.executions - nodes} beyond the first, "
              f"re_executed {self.re_executed}")
        shown = {"adoptions by a daemon": "loop.adopted",
                 "adoptions by an executor": "command/executor.adopted",
                 "results offered from the spool": None, "replays": "loop.before_replay"}
        for what, point in shown.items():
            count = self.passages[point] if point else sum(
                self.passages[f"{role}/executor.before_spooled_offer"] for role in ("mock", "command"))
            print(f"{what}: {count}")
            if count == 0 and not self.options.only and self.options.cases is None:
                self.failed += 1
                print(f"FAILED: no {what}: the suite did not exercise recovery")
        if self.options.cases is None and self.counted < self.options.kills:
            self.failed += 1
            print(f"FAILED: {self.counted} kills that count, {self.options.kills} were asked for")


def main(argv):
    faulthandler.register(signal.SIGUSR1)  # where does it wait?
    options = parse(argv)
    try:
        suite = Suite(options, undisturbed(options))
    except (OSError, subprocess.SubprocessError) as problem:
        raise SystemExit(f"error: {problem}") from problem
    suite.run()
    suite.summary()
    print(f"{suite.passed} passed, {suite.failed} failed")
    return 1 if suite.failed else 0


sys.exit(main(sys.argv[1:]))
