"""main.py BUILD_DIR [WORDS]: every black-box test of this folder, or those with WORDS in their name; `N passed, N failed` last."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import bad_input_test  # noqa: E402
import breaker_test  # noqa: E402
import budget_test  # noqa: E402
import ceilings_test  # noqa: E402
import clis_test  # noqa: E402
import deploy_test  # noqa: E402
import dialects_test  # noqa: E402
import examples_repository_test  # noqa: E402
import examples_test  # noqa: E402
import isolation_test  # noqa: E402
import recovery_test  # noqa: E402
import survey_test  # noqa: E402
import verbs_test  # noqa: E402
import worktrees_test  # noqa: E402
from harness import Cases  # noqa: E402


def main():
    build = os.path.abspath(sys.argv[1])
    cases = Cases(" ".join(sys.argv[2:]))
    for part in (examples_test, verbs_test, recovery_test, budget_test, survey_test, bad_input_test, isolation_test,
                 worktrees_test, clis_test, dialects_test, ceilings_test, breaker_test, examples_repository_test, deploy_test):
        part.main(build, cases)
    skipped = f", {cases.skipped} skipped" if cases.skipped else ""
    print(f"{cases.passed} passed, {cases.failed} failed{skipped}")
    return 1 if cases.failed else 0


sys.exit(main())
