#!/usr/bin/env python3
"""What must hold of the repository's own text, checked in seconds.

  tidy.py [BUILD_DIR]   BUILD_DIR/bin is used by the checks that need a program

Prints a line a check, the problems of those that fail, and `N passed, N failed, N skipped`.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import config_keys  # noqa: E402
import layering  # noqa: E402
import packaging_rules  # noqa: E402
import proto_rules  # noqa: E402
import selftest  # noqa: E402
import text_rules  # noqa: E402
from tree import Tree  # noqa: E402

PROBLEMS_SHOWN_MAX = 40


def run(checks, *args):
    counts = [0, 0, 0]
    for check in checks:
        title = check.__doc__.splitlines()[0]
        try:
            problems = check(*args)
        except packaging_rules.Skip as skip:
            print(f"skipped: {title}: {skip}")
            counts[2] += 1
            continue
        print(f"{'FAILED' if problems else 'ok'}: {title}")
        for problem in problems[:PROBLEMS_SHOWN_MAX]:
            print(f"    {problem}")
        if len(problems) > PROBLEMS_SHOWN_MAX:
            print(f"    ... and {len(problems) - PROBLEMS_SHOWN_MAX} more")
        counts[1 if problems else 0] += 1
    return counts


def main():
    root = os.path.dirname(os.path.dirname(HERE))
    build = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else None
    tree = Tree(root)
    groups = [
        run(layering.CHECKS + text_rules.CHECKS + proto_rules.CHECKS + config_keys.CHECKS, tree),
        run(packaging_rules.CHECKS, tree, build),
        run(selftest.CHECKS),
    ]
    passed, failed, skipped = (sum(column) for column in zip(*groups))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


sys.exit(main())
